import type { World } from './world.ts';

/** The history of a world in the making, minute by minute, so that calls are answered in between. */
export interface HistoryMaking {
  /** Settles when all of it is there; rejects with what went wrong. */
  readonly made: Promise<void>;
  /** Resolves when, at the pace so far, the rest takes no longer than `SOON_MS`. */
  readonly soon: Promise<void>;
}

/** So little is left that a caller may wait for it. */
const SOON_MS = 4_000;
const MINUTE_MS = 60_000;

/** `monotonic` tells the host's milliseconds; a signal ends it early, without an error. */
export function makeHistory(
  world: Pick<World, 'historyFromMs' | 'historyToMs' | 'advanceTo'>,
  options: { readonly monotonic: () => number; readonly signal: AbortSignal },
): HistoryMaking {
  let tellSoon: () => void = () => undefined;
  const soon = new Promise<void>((resolve) => {
    tellSoon = resolve;
  });
  return { made: make(world, options, tellSoon), soon };
}

async function make(
  { historyFromMs, historyToMs, advanceTo }: Pick<World, 'historyFromMs' | 'historyToMs' | 'advanceTo'>,
  { monotonic, signal }: { readonly monotonic: () => number; readonly signal: AbortSignal },
  tellSoon: () => void,
): Promise<void> {
  const startedMs = monotonic();
  for (let atMs = historyFromMs; atMs < historyToMs && !signal.aborted; ) {
    await betweenCalls();
    atMs = Math.min(atMs + MINUTE_MS, historyToMs);
    advanceTo(atMs);
    const tookMs = monotonic() - startedMs;
    if ((tookMs * (historyToMs - atMs)) / (atMs - historyFromMs) <= SOON_MS) tellSoon();
  }
  tellSoon();
}

/** Lets the server answer what came in meanwhile. */
function betweenCalls(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
