import type { RequestRecord, UnparsedRecord } from '../../src/model/request-record.ts';
import type { Story } from './traffic.ts';
import type { SimEvent } from './traffic-lines.ts';

export type LogRecord = RequestRecord | UnparsedRecord;

interface Part {
  readonly logGroup: string;
  readonly logStream: string;
  readonly eventId: string;
}

/** By how much two clocks may differ: requests this close in time may be taken for one another. */
const SKEW_MS = 200;

/** So many requests of one gateway id are kept: with more of them, what comes late is joined with nobody. */
const KEPT_BY_ID = 64;

export function placeOf({ logGroup, logStream, eventId }: Part): string {
  return `${logGroup}\n${logStream}\n${eventId}`;
}

export function placeOfEvent(event: SimEvent): string {
  return `${event.group}\n${event.stream}\n${event.eventId}`;
}

/** Holds the records that stand against what really happened, story by story. */
export class StoryCheck {
  readonly #stories: readonly Story[];
  readonly #byEvent = new Map<string, LogRecord>();
  /** What was seen, for the tally. */
  readonly seen: string[] = [];

  constructor(stories: readonly Story[], standing: readonly LogRecord[]) {
    this.#stories = stories;
    for (const record of standing) for (const part of record.parts) this.#byEvent.set(placeOf(part), record);
  }

  /** What is wrong with how the trail tells a story; empty when it is told right, or not at all. */
  differences(story: Story): string[] {
    const [first] = story.events;
    const record = first && this.#recordOf(first);
    if (record === undefined) return [];
    if (record.kind === 'request') this.#note(story, record);
    const apart = record.kind === 'request' && record.parts.length === 1 && this.#mayStandApart(story);
    return apart ? this.#differencesApart(story, record) : differences(story, record);
  }

  #recordOf(event: SimEvent): LogRecord | undefined {
    return this.#byEvent.get(placeOfEvent(event));
  }

  #note({ kind, events, needs }: Story, { outcome, joinKey }: RequestRecord): void {
    if (joinKey !== undefined) this.seen.push(`join_${joinKey}`);
    if (outcome === 'ambiguous') this.seen.push('ambiguous');
    const [own, connect] = [events[0]?.visibleMs ?? 0, needs[0]?.visibleMs ?? 0];
    if (kind === 'message' && connect > own + 360_000) this.seen.push('connect_read_long_after_message');
  }

  /**
   * A client can choose the id, so it proves little: where another request of the same id was under way, the line and the
   * invocation may stand in records of their own. Never joined to another's.
   */
  #mayStandApart({ gatewayId, span }: Story): boolean {
    if (gatewayId === undefined || span === undefined) return false;
    const alike = this.#stories.filter((other) => other.gatewayId === gatewayId);
    if (alike.length > KEPT_BY_ID) return true;
    const near = alike.filter(
      (other) =>
        other.span !== undefined &&
        other.span.fromMs <= span.toMs + SKEW_MS &&
        span.fromMs <= other.span.toMs + SKEW_MS,
    );
    return near.length > 1;
  }

  #differencesApart(story: Story, record: RequestRecord): string[] {
    this.seen.push('stood_apart');
    const { decisionRequestId: _, customer: __, ...line } = story;
    const [access, ...invocation] = story.events;
    const lonely = story.kind === 'crash' ? 'authorizer_error' : 'access_only';
    const outcome = record.outcome === 'ambiguous' ? 'ambiguous' : lonely;
    const own = { ...line, outcome, joinKey: 'none', events: access === undefined ? [] : [access] };
    const wrong = [...differences(own, record)];
    if (record.decisionRequestId !== undefined) wrong.push(`it names ${record.decisionRequestId}`);
    const first = invocation[0] && this.#recordOf(invocation[0]);
    const parts = first?.parts.map(placeOf).sort().join(' ');
    const isWhole = first === undefined || parts === invocation.map(placeOfEvent).sort().join(' ');
    if (!isWhole) wrong.push('its invocation is not whole');
    return wrong;
  }
}

function differences(story: Story, record: LogRecord): string[] {
  const wrong: string[] = [];
  const same = (what: string, got: unknown, expected: unknown) => {
    if (got !== expected) wrong.push(`expected ${what} ${String(expected)}, got ${String(got)}`);
  };
  const parts = record.parts.map(placeOf).sort().join(' ');
  same('parts', parts, story.events.map(placeOfEvent).sort().join(' '));
  if (record.kind === 'unparsed') {
    same('outcome', 'unparsed', story.outcome);
    return wrong;
  }
  same('outcome', record.outcome, story.outcome);
  same('decision', record.decision, story.decision);
  if (story.customer !== undefined) same('customer', record.customer, story.customer);
  same('decisionRequestId', record.decisionRequestId, story.decisionRequestId);
  same('extendedRequestId', record.extendedRequestId, story.extendedRequestId);
  if (story.joinKey !== undefined) same('joinKey', record.joinKey, story.joinKey);
  if (story.status !== undefined) same('status', record.status, story.status);
  if (story.path !== undefined) same('path', record.path?.split('?')[0], story.path);
  return wrong;
}
