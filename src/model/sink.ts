import type { JournalEntry, StreamName } from './journal.ts';

/**
 * What became of a batch, by `seq`. Every entry of the batch is in exactly one of `accepted`, `rejected`, `expired`,
 * `filtered` or `retry`. An answer that cannot be parsed is `retry`, never `accepted`.
 */
export interface Verdict {
  readonly accepted: readonly number[];
  /** Refused for good, each with the reason in words: becomes a dead letter. */
  readonly rejected: readonly { readonly seq: number; readonly reason: string }[];
  /** Older than the window the destination publishes: recorded, never sent. */
  readonly expired: readonly { readonly seq: number; readonly reason: string }[];
  /** Left out by the sink's own filter. */
  readonly filtered: readonly number[];
  readonly retry: readonly number[];
  /** The destination refused some of `accepted` without saying which: counted with its message, never resent. */
  readonly rejectedUnknown?: { readonly count: number; readonly message: string };
  readonly retryAfterMs?: number;
  /** Why `retry` is not empty, in words. */
  readonly retryReason?: string;
  /** A configuration fault (wrong token, refused index): stop the lane, say so once, probe slowly. Entries are in `retry`. */
  readonly held?: { readonly reason: string };
  /** Accepted, but the destination asks for a pause before the next batch. */
  readonly slowDownMs?: number;
}

/** A destination. `send` never throws for what the destination does; it throws only for bugs and for an aborted signal. */
export interface Sink {
  readonly name: string;
  readonly streams: readonly StreamName[];
  /** Upper bound of entries per `send`; the sink splits into bodies by its own byte limits. */
  readonly maxBatchEntries: number;
  /** True where what is sent twice counts twice, because the destination knows no ids. */
  readonly repeatsCount?: boolean;
  /** Keeps the batch no longer than it takes to encode it: an answer may take long. */
  send(batch: readonly JournalEntry[], signal: AbortSignal): Promise<Verdict>;
  /** Where rows of a stream go: streams with one endpoint are down together. Absent: all have the same. */
  endpointOf?(stream: StreamName): string;
  /** What `send` would leave out of these rows now, told without sending. Absent: nothing. */
  preview?(batch: readonly JournalEntry[]): Pick<Verdict, 'expired' | 'filtered'>;
  /** Called before a held lane is probed: reads secret files again. */
  refreshSecrets(): void;
  close(): Promise<void>;
}
