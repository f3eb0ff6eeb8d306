import { mapItems } from '../core/passing-on.ts';
import type { LogGroupRef } from '../model/inventory.ts';
import type { LogPart } from '../model/part.ts';
import type { IsKnown, LogEvent, Page, Source, Urgency, Window } from '../model/source-event.ts';

/** Reading of one log group, narrowed to what a source needs. */
export interface LogEventsClient {
  /**
   * Every page of `[fromMs, toMs)` of event time, empty ones included, to the last token. Throws
   * `IncompleteReadError` or `HeldError` where the window could not be read whole.
   */
  filterLogEvents(
    read: LogGroupRef & Window & { readonly urgency?: Urgency; readonly signal: AbortSignal },
  ): AsyncIterable<{ readonly events: readonly LogEvent[]; readonly bytes: number }>;
}

export interface LogSourceSettings {
  /** `logs:<account>:<region>:<log group>` */
  readonly unit: string;
  readonly group: LogGroupRef;
  readonly client: LogEventsClient;
  readonly toParts: PartMaker;
}

/**
 * One part per event that is not known, in order. Sees a page at a time, known events included, because lines of one log
 * stream may depend on each other.
 */
export type PartMaker = (events: readonly LogEvent[], isKnown?: IsKnown) => readonly LogPart[];

/** A log group as a source of parts. An empty page is passed on as such: only the client knows where the end is. */
export function createLogSource(settings: LogSourceSettings): Source<LogPart> {
  const { unit, group, client, toParts } = settings;
  return {
    unit,
    read(
      window: Window,
      signal: AbortSignal,
      urgency: Urgency = 'live',
      isKnown?: IsKnown,
    ): AsyncIterable<Page<LogPart>> {
      const pages = client.filterLogEvents({ ...group, ...window, urgency, signal });
      return mapItems(pages, ({ events, bytes }) => {
        const newest = events.at(-1);
        const items = toParts(events, isKnown);
        return {
          items,
          read: events.length,
          bytes,
          ...(newest !== undefined && { newestMs: newest.timestampMs }),
        };
      });
    },
  };
}
