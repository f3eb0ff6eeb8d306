import type { SeenKey } from '../model/journal.ts';
import type { LogPart } from '../model/part.ts';
import type { Source, Window } from '../model/source-event.ts';
import type { Ingest } from './ingest.ts';
import type { LagMeter } from './lag-meter.ts';
import type { LogTask } from './log-plan.ts';

/** One window to read. Without `next` the unit's position stays as it is: a span of the past, on order. */
export type ReadTask = Pick<LogTask, 'window'> & {
  readonly kind: LogTask['kind'] | 'backfill';
  readonly next?: LogTask['next'];
};

/** Reads which keys of a span are stored already. */
export type SeenReader = (unit: string, fromMs: number, toMs: number) => Promise<ReadonlySet<string>>;

/** Unique within a log group: event ids are unique within their stream only. */
export function seenKeyOf(part: LogPart): string {
  return `${part.source.logStream}\n${part.source.eventId}`;
}

/**
 * Reads one task's window to its last page and commits it in slices of about `batchEvents`, so that memory stays small
 * however long the window is. The checkpoint moves with the last slice only; a window that breaks off leaves what it
 * brought in the journal and is read again, and what is stored then is dropped by its key.
 * Returns the number of first-time events.
 */
export async function readLogUnit(options: {
  readonly source: Source<LogPart>;
  readonly task: ReadTask;
  readonly ingest: Ingest;
  readonly seenIn: SeenReader;
  /** Told how late the events of live reading became readable. */
  readonly lag?: LagMeter;
  readonly batchEvents: number;
  readonly signal: AbortSignal;
}): Promise<number> {
  const { source, task, ingest, signal } = options;
  const { window } = task;
  const known = await options.seenIn(source.unit, window.fromMs, window.toMs);
  const fresh = new FreshParts(known);
  let total = 0;
  for await (const page of source.read(window, signal)) {
    signal.throwIfAborted();
    fresh.take(page.items, page.read);
    if (task.kind === 'live' && options.lag !== undefined) observeLag(page.items, options.lag);
    if (fresh.parts.length >= options.batchEvents) {
      total += await commitSlice(ingest, source.unit, window, fresh.flush());
    }
  }
  const last = fresh.flush();
  await ingest.commitParts({
    unit: source.unit,
    window,
    ...last,
    ...(task.next !== undefined && { next: task.next }),
  });
  return total + last.parts.length;
}

interface Slice {
  readonly parts: readonly LogPart[];
  readonly seen: readonly SeenKey[];
  readonly read: number;
}

async function commitSlice(ingest: Ingest, unit: string, window: Window, slice: Slice): Promise<number> {
  await ingest.commitParts({ unit, window, ...slice });
  return slice.parts.length;
}

/** Keeps first-time parts, each once, also when one window shows an event on two pages. */
class FreshParts {
  readonly #known: ReadonlySet<string>;
  readonly #here = new Set<string>();
  #seen: SeenKey[] = [];
  #read = 0;
  parts: LogPart[] = [];

  constructor(known: ReadonlySet<string>) {
    this.#known = known;
  }

  take(items: readonly LogPart[], read: number): void {
    this.#read += read;
    for (const part of items) {
      const key = seenKeyOf(part);
      if (this.#known.has(key) || this.#here.has(key)) continue;
      this.#here.add(key);
      this.parts.push(part);
      this.#seen.push({ atMs: part.source.timestampMs, key });
    }
  }

  flush(): Slice {
    const slice = { parts: this.parts, seen: this.#seen, read: this.#read };
    this.parts = [];
    this.#seen = [];
    this.#read = 0;
    return slice;
  }
}

function observeLag(items: readonly LogPart[], lag: LagMeter): void {
  for (const { source } of items) lag.observe(source.ingestionMs - source.timestampMs);
}
