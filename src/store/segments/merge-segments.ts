import type { Position } from '../merge-newest-first.ts';

/** Something that yields positions, newest event first, and is only opened when its turn may have come. */
export interface LazySequence {
  /** Nothing in it is of a newer event. */
  readonly newestMs: number;
  open(): OpenSequence;
}

export interface OpenSequence {
  readonly positions: Iterator<Position>;
  /** Releases what it holds; called once. */
  close(): void;
}

/** A position with the sequence it came from, by index. */
export interface MergedPosition extends Position {
  readonly source: number;
}

/** Sequences that are open at the same time; what comes on top is read whole at once, so that it can be closed. */
const MOST_OPEN = 8;

interface Active extends OpenSequence {
  readonly source: number;
  head: Position;
}

/**
 * Merges sequences newest event first (ties: highest `seq`), opening each only when nothing newer is left elsewhere, and
 * reading no further than the caller does.
 */
export function* mergeSegments(sequences: readonly LazySequence[]): Generator<MergedPosition> {
  const waiting = sequences
    .map((sequence, source) => ({ sequence, source }))
    .sort((a, b) => b.sequence.newestMs - a.sequence.newestMs);
  const active = new Set<Active>();
  try {
    for (;;) {
      const best = newestOf(active);
      const next = waiting[0];
      if (next !== undefined && (best === undefined || next.sequence.newestMs >= best.head.eventMs)) {
        waiting.shift();
        start(next.sequence, next.source, active);
        continue;
      }
      if (best === undefined) return;
      yield { ...best.head, source: best.source };
      advance(best, active);
    }
  } finally {
    for (const one of active) one.close();
  }
}

function start(sequence: LazySequence, source: number, active: Set<Active>): void {
  const opened = active.size < MOST_OPEN ? sequence.open() : readWhole(sequence.open());
  const first = opened.positions.next();
  if (first.done === true) opened.close();
  else active.add({ ...opened, source, head: first.value });
}

function advance(one: Active, active: Set<Active>): void {
  const next = one.positions.next();
  if (next.done !== true) {
    one.head = next.value;
    return;
  }
  active.delete(one);
  one.close();
}

function readWhole(opened: OpenSequence): OpenSequence {
  try {
    const all: Position[] = [];
    for (let next = opened.positions.next(); next.done !== true; next = opened.positions.next())
      all.push(next.value);
    return { positions: all.values(), close: () => undefined };
  } finally {
    opened.close();
  }
}

function newestOf(active: ReadonlySet<Active>): Active | undefined {
  let best: Active | undefined;
  for (const one of active) {
    if (best === undefined || isNewer(one.head, best.head)) best = one;
  }
  return best;
}

function isNewer(a: Position, b: Position): boolean {
  return a.eventMs > b.eventMs || (a.eventMs === b.eventMs && a.seq > b.seq);
}
