import type { LogGroupRef } from '../model/inventory.ts';
import type { LogPart } from '../model/part.ts';
import type { LogEvent, Page, Source, Urgency, Window } from '../model/source-event.ts';

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
  /** One part per event, in order. Sees a page at a time, because lines of one log stream may depend on each other. */
  readonly toParts: (events: readonly LogEvent[]) => readonly LogPart[];
}

/** A log group as a source of parts. An empty page is passed on as such: only the client knows where the end is. */
export function createLogSource(settings: LogSourceSettings): Source<LogPart> {
  const { unit, group, client, toParts } = settings;
  return {
    unit,
    async *read(
      window: Window,
      signal: AbortSignal,
      urgency: Urgency = 'live',
    ): AsyncIterable<Page<LogPart>> {
      for await (const { events, bytes } of client.filterLogEvents({
        ...group,
        ...window,
        urgency,
        signal,
      })) {
        yield { items: toParts(events), read: events.length, bytes };
      }
    },
  };
}
