import type { MetricDataResult as RawResult } from '@aws-sdk/client-cloudwatch';
import type { Urgency } from '../model/source-event.ts';
import type { AwsScope } from './aws-settings.ts';

/** One statistic of one series; `id` is unique in the call and starts with a lower-case letter. */
export interface MetricQuery {
  readonly id: string;
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly stat: string;
  readonly periodS: number;
}

export interface MetricDataRead extends AwsScope {
  readonly queries: readonly MetricQuery[];
  /** Inclusive; the caller aligns it to the period. */
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  /** Default `live`. */
  readonly urgency?: Urgency;
  readonly signal: AbortSignal;
}

export interface MetricPoint {
  /** Start of the period, as CloudWatch gives it. */
  readonly timestampMs: number;
  readonly value: number;
}

/** `complete`: CloudWatch said so. `incomplete`: ask again. `forbidden`: a person must act. */
export type MetricResultStatus = 'complete' | 'incomplete' | 'forbidden';

export interface MetricResult {
  readonly id: string;
  readonly status: MetricResultStatus;
  /** CloudWatch's own `StatusCode`, or why there is none. */
  readonly statusCode: string;
  readonly messages: readonly string[];
  /** Ascending by time, finite values only. */
  readonly points: readonly MetricPoint[];
}

export interface MetricDataAnswer {
  /** One for each query, in the order asked. */
  readonly results: readonly MetricResult[];
  /** Messages about the call as a whole. */
  readonly messages: readonly string[];
  /** Points left out because their value was no finite number. */
  readonly notFinite: number;
  /** Why later pages are missing: what was read before it stays good. */
  readonly failure?: Error;
}

export interface RawMetricPage {
  readonly MetricDataResults?: readonly RawResult[] | undefined;
  readonly Messages?:
    | readonly { readonly Code?: string | undefined; readonly Value?: string | undefined }[]
    | undefined;
  readonly NextToken?: string | undefined;
}

interface Merged {
  statusCode: string;
  readonly messages: string[];
  readonly values: Map<number, number>;
}

/**
 * Merges the pages of one GetMetricData call. One id comes back on several pages: its points are joined and the last
 * page's status wins (`PartialData` is normal until then). Absent lists are `undefined` in the SDK. An id that never
 * came back was not answered, which is incomplete; an idle series comes back with empty lists and `Complete`.
 */
export function createMetricDataMerge(queries: readonly MetricQuery[]): {
  add(page: RawMetricPage): void;
  finish(failure?: Error): MetricDataAnswer;
} {
  const merged = new Map<string, Merged>();
  const messages: string[] = [];
  let notFinite = 0;
  return {
    add: (page) => {
      messages.push(...textOf(page.Messages));
      for (const result of page.MetricDataResults ?? []) {
        if (result.Id === undefined) continue;
        const into: Merged = merged.get(result.Id) ?? { statusCode: '', messages: [], values: new Map() };
        merged.set(result.Id, into);
        into.statusCode = result.StatusCode ?? 'no status';
        into.messages.push(...textOf(result.Messages));
        notFinite += addPoints(into.values, result);
      }
    },
    finish: (failure) => ({
      results: queries.map((query) => resultOf(query.id, merged.get(query.id))),
      messages,
      notFinite,
      ...(failure ? { failure } : {}),
    }),
  };
}

function textOf(messages: RawMetricPage['Messages']): string[] {
  return (messages ?? []).map((message) => [message.Code, message.Value].filter(Boolean).join(': '));
}

/** Timestamps and values are parallel lists; a value that is no finite number is left out and counted. */
function addPoints(into: Map<number, number>, result: RawResult): number {
  const values = result.Values ?? [];
  let notFinite = 0;
  for (const [index, timestamp] of (result.Timestamps ?? []).entries()) {
    const value = values[index];
    if (value !== undefined && Number.isFinite(value)) into.set(timestamp.getTime(), value);
    else notFinite += 1;
  }
  return notFinite;
}

function resultOf(id: string, merged: Merged | undefined): MetricResult {
  if (!merged) return { id, status: 'incomplete', statusCode: 'not answered', messages: [], points: [] };
  const points = [...merged.values].map(([timestampMs, value]) => ({ timestampMs, value }));
  points.sort((a, b) => a.timestampMs - b.timestampMs);
  const { statusCode, messages } = merged;
  return { id, status: statusOf(statusCode), statusCode, messages, points };
}

/** Only `Complete` is complete: the enum is open, and an unknown code is asked again. */
function statusOf(statusCode: string): MetricResultStatus {
  if (statusCode === 'Complete') return 'complete';
  return statusCode === 'Forbidden' ? 'forbidden' : 'incomplete';
}
