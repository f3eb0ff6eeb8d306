/** A row by its place in the trail and its event time. */
export interface Position {
  readonly seq: number;
  readonly eventMs: number;
}

/**
 * Merges sequences that are each ordered newest event first (ties: highest `seq`) into one such sequence, reading no
 * further than the caller does. A row that several sequences yield comes out once.
 */
export function* mergeNewestFirst(sequences: readonly Iterable<Position>[]): Generator<Position> {
  const iterators = sequences.map((sequence) => sequence[Symbol.iterator]());
  const heads = iterators.map((iterator) => nextOf(iterator));
  let last: number | undefined;
  try {
    for (let best = newestOf(heads); best !== undefined; best = newestOf(heads)) {
      const { index, position } = best;
      if (position.seq !== last) yield position;
      last = position.seq;
      heads[index] = nextOf(iterators[index]);
    }
  } finally {
    for (const iterator of iterators) iterator.return?.();
  }
}

function nextOf(iterator: Iterator<Position> | undefined): Position | undefined {
  const next = iterator?.next();
  return next === undefined || next.done === true ? undefined : next.value;
}

function newestOf(heads: readonly (Position | undefined)[]) {
  let best: { readonly index: number; readonly position: Position } | undefined;
  for (const [index, position] of heads.entries()) {
    if (position === undefined) continue;
    if (best === undefined || isNewer(position, best.position)) best = { index, position };
  }
  return best;
}

function isNewer(a: Position, b: Position): boolean {
  return a.eventMs > b.eventMs || (a.eventMs === b.eventMs && a.seq > b.seq);
}
