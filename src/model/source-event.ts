import type { LogGroupRef } from './inventory.ts';

/** One event as CloudWatch Logs holds it. Times in milliseconds since the epoch. `eventId` is unique within its stream. */
export interface LogEvent {
  readonly eventId: string;
  readonly logStream: string;
  readonly timestampMs: number;
  readonly ingestionMs: number;
  readonly message: string;
}

/** Where a piece of a record came from: enough to find the original event again. */
export interface SourceRef extends LogGroupRef {
  readonly logStream: string;
  readonly eventId: string;
  readonly timestampMs: number;
  readonly ingestionMs: number;
}

/** Half-open span of event time, `[fromMs, toMs)`. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Who goes first where calls are limited: reading what is new, then reading late or again, then what a command ordered.
 * What is new never waits for the others.
 */
export type Urgency = 'live' | 'behind' | 'ordered';

export interface Page<R> {
  /** Without those that the reader knew. */
  readonly items: readonly R[];
  /** Events as read, before anything was filtered, joined or dropped. */
  readonly read: number;
  /** Event time of the newest, known ones included; absent where a page says nothing of it. */
  readonly newestMs?: number;
  /** Bytes of the events as CloudWatch counts them. */
  readonly bytes: number;
  /** Spans of the window that the place no longer holds, or not as they were asked for, each with the reason in words. */
  readonly gone?: readonly (Window & { readonly reason: string })[];
}

/** True for an event that is stored: it is counted and left out of a page's items, and nobody has to make sense of it. */
export type IsKnown = (event: Pick<LogEvent, 'logStream' | 'eventId'>) => boolean;

/**
 * A place records come from. `read` yields every page of a window, empty ones included, and ends only after the last
 * token. A window that could not be read whole throws `IncompleteReadError` (try again) or `HeldError` (a person must
 * act); pages already yielded stay good. An empty list is never a failure. The same window may be read again at any time.
 */
export interface Source<R> {
  /** Stable id of the checkpoint, e.g. `logs:111122223333:eu-west-1:/apigw/orders`. */
  readonly unit: string;
  read(window: Window, signal: AbortSignal, urgency?: Urgency, isKnown?: IsKnown): AsyncIterable<Page<R>>;
}
