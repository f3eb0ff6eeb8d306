import type { AlarmEvent } from '../../aws/alarm-clients.ts';
import { isObject } from '../../core/json.ts';
import type { AlarmStateName } from '../../model/alarm-record.ts';

/** What a history item of type `StateUpdate` says, as far as it can be read. */
export interface StateChange {
  readonly fromState: AlarmStateName;
  readonly toState: AlarmStateName;
  readonly summary: string;
  readonly reason: string;
  /** Values that were judged, oldest first; missing ones left out. */
  readonly points: readonly number[];
  readonly threshold: number | undefined;
  readonly periodS: number | undefined;
  /** Start of the oldest value that was judged. */
  readonly sinceMs: number | undefined;
}

/** Undefined when the item tells no new state: then there is nothing to send. */
export function stateChangeOf(event: AlarmEvent): StateChange | undefined {
  const data = parsed(event.data);
  const before = isObject(data?.oldState) ? data.oldState : {};
  const after = isObject(data?.newState) ? data.newState : {};
  // `Alarm updated from OK to ALARM`: said also where the data is cut short.
  const [, from, to] = /from (\w+) to (\w+)/.exec(event.summary) ?? [];
  const toState = stateOf(after.stateValue) ?? stateOf(to);
  if (toState === undefined) return undefined;
  const reasonData = isObject(after.stateReasonData) ? after.stateReasonData : {};
  const { recentDatapoints, threshold, period, startDate } = reasonData;
  const sinceMs = typeof startDate === 'string' ? Date.parse(startDate) : Number.NaN;
  return {
    fromState: stateOf(before.stateValue) ?? stateOf(from) ?? 'INSUFFICIENT_DATA',
    toState,
    summary: event.summary,
    reason: typeof after.stateReason === 'string' ? after.stateReason : '',
    points: (Array.isArray(recentDatapoints) ? recentDatapoints : []).filter(isFiniteNumber),
    threshold: isFiniteNumber(threshold) ? threshold : undefined,
    periodS: isFiniteNumber(period) ? period : undefined,
    sinceMs: Number.isNaN(sinceMs) ? undefined : sinceMs,
  };
}

function parsed(data: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return isObject(value) ? value : undefined;
  } catch {
    // Cut short or of a form we do not know: the summary still says from where to where.
    return undefined;
  }
}

export function stateOf(value: unknown): AlarmStateName | undefined {
  return value === 'OK' || value === 'ALARM' || value === 'INSUFFICIENT_DATA' ? value : undefined;
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
