import type { Mutex } from '../core/mutex.ts';
import { forEachItem } from '../core/passing-on.ts';
import type { KnownKeys } from '../model/journal.ts';
import type { LogPart } from '../model/part.ts';
import type { Page, Source, Urgency } from '../model/source-event.ts';
import { FreshParts, type StoredIn, type UnreadLines } from './fresh-parts.ts';
import type { Ingest } from './ingest.ts';
import type { LogTask } from './log-plan.ts';

/** One window to read. Without `after` the unit's position stays as it is: a span of the past, on order. */
export type ReadTask = Pick<LogTask, 'window'> & {
  readonly kind: LogTask['kind'] | 'backfill';
  readonly after?: LogTask['after'];
};

const URGENCY: Readonly<Record<ReadTask['kind'], Urgency>> = {
  live: 'live',
  settle: 'behind',
  catch_up: 'behind',
  reread: 'behind',
  backfill: 'ordered',
};

/** Reads which keys of a span are stored already. */
export type SeenReader = (unit: string, fromMs: number, toMs: number) => Promise<KnownKeys>;

const NOTHING: KnownKeys = new Set<string>();

export interface ReadOptions {
  readonly source: Source<LogPart>;
  readonly task: ReadTask;
  readonly ingest: Ingest;
  readonly seenIn: SeenReader;
  /** Lines to try again that nobody could read when they were stored. */
  readonly unread?: UnreadLines;
  /** Told how late each first-time event became readable. */
  readonly onLag?: (lagMs: number) => void;
  readonly batchEvents: number;
  /** Whose turn it is to move the unit's position, where several reads of it may end at the same time. */
  readonly positions?: Mutex;
  readonly signal: AbortSignal;
}

/**
 * Reads one task's window to its last page and commits it in slices of about `batchEvents`, together with what is read
 * of other groups at the same time, so that memory stays small however long the window is. The checkpoint moves with the last slice only; a window that breaks off leaves what it
 * brought in the journal and is read again, and what is stored then is dropped by its key.
 * Reads of one span may go side by side, of whatever kind: who is first stores an event, and the other hears of it.
 * Returns the number of first-time events.
 */
export async function readLogUnit(options: ReadOptions): Promise<number> {
  const { ingest } = options;
  const { unit } = options.source;
  const { window } = options.task;
  const fresh = new FreshParts(NOTHING, options.onLag, options.unread);
  // First: what others store while the stored keys are looked up would be missed by both.
  const endListening = ingest.onStored(unit, (seen) => fresh.stored(seen, window));
  try {
    fresh.know(await options.seenIn(unit, window.fromMs, window.toMs));
    await readPages(options, fresh);
  } finally {
    endListening();
  }
  return fresh.total;
}

async function readPages(options: ReadOptions, fresh: FreshParts): Promise<void> {
  const { source, task, ingest, signal, batchEvents } = options;
  const { unit } = source;
  const { window } = task;
  const together = task.kind !== 'backfill';
  const reading = ingest.begin({ unit, window, fresh, batchEvents, together });
  try {
    const storedIn: StoredIn = (fromMs, toMs) => options.seenIn(unit, fromMs, toMs);
    const take = (page: Page<LogPart>) => {
      signal.throwIfAborted();
      return fresh.take(page, storedIn);
    };
    const pages = source.read(window, signal, URGENCY[task.kind], fresh.isStored);
    await forEachItem(pages, take, () => reading.arrived());
    const finish = () => reading.finish(task.after?.(ingest.checkpointOf(unit)));
    await (options.positions === undefined ? finish() : options.positions.run(finish));
  } finally {
    reading.close();
  }
}
