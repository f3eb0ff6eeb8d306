import { isObject } from '../core/json.ts';
import { type JudgedPoint, storedAttributeOf } from './dynatrace-rules.ts';
import type { HecEnvelope } from './hec-envelopes.ts';
import type { SentLogRecord } from './otlp-messages.ts';

/**
 * Of everything accepted, only what a comparison with the truth asks for. A brief is taken from the body as it was
 * decoded to answer it, and kept aside: reading a whole history again would take as long as receiving it.
 */
export interface BriefEvent {
  /** Number of arrival, as in the full row. */
  readonly n: number;
  readonly sourcetype?: string | undefined;
  /** Epoch seconds, as sent. */
  readonly time?: number | undefined;
  /** Of an object the members of `BRIEF_EVENT`; anything else whole. */
  readonly event: unknown;
  /** `event_id`. */
  readonly fields?: Readonly<Record<string, unknown>> | undefined;
}

export type BriefItem =
  | {
      readonly n: number;
      readonly kind: 'metric';
      readonly name: string;
      readonly timeMs: number;
      readonly value: unknown;
      /** What tells one series from another: `SERIES_IDENTITY`. */
      readonly attributes: Readonly<Record<string, unknown>>;
    }
  | {
      readonly n: number;
      readonly kind: 'log';
      /** `event_id`. */
      readonly attributes: Readonly<Record<string, unknown>>;
    };

const BRIEF_EVENT = ['outcome', 'decision', 'customer', 'to_state'];
const BRIEF_FIELDS = ['event_id'];

/** Attributes that tell one series of Dynatrace from another, beside the name. */
export const SERIES_IDENTITY = [
  'cloudwatch_dimensions',
  'aws.account.id',
  'aws.region',
  'api_name',
  'api_id',
  'stage',
  'method',
  'resource',
  'route',
] as const;

export function briefEvent({ sourcetype, time, event, fields }: HecEnvelope): Omit<BriefEvent, 'n'> {
  return {
    sourcetype,
    time,
    event: isObject(event) ? picked(event, BRIEF_EVENT) : event,
    fields: fields && picked(fields, BRIEF_FIELDS),
  };
}

export function briefPoint({ name, timeMs, value, attributes }: Exclude<JudgedPoint, { rejected: string }>) {
  return { kind: 'metric' as const, name, timeMs, value, attributes: picked(attributes, SERIES_IDENTITY) };
}

export function briefLog(record: SentLogRecord) {
  return { kind: 'log' as const, attributes: { event_id: storedAttributeOf(record, 'event_id') } };
}

function picked(from: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
  const some: Record<string, unknown> = {};
  for (const key of keys) if (Object.hasOwn(from, key)) some[key] = from[key];
  return some;
}
