import type { AlarmClients, AlarmEvent } from '../../aws/alarm-clients.ts';
import type { AwsScope } from '../../aws/aws-settings.ts';
import { sha256Id } from '../../core/hash.ts';
import type { Page, Source, Window } from '../../model/source-event.ts';
import { type StateChange, stateChangeOf } from './state-change.ts';

/** A change of state as CloudWatch's history has it, under the id that its record will have. */
export interface AlarmChange {
  readonly recordId: string;
  readonly event: AlarmEvent;
  readonly change: StateChange;
}

export interface AlarmChangesOptions extends AwsScope {
  readonly client: Pick<AlarmClients, 'alarmHistory'>;
}

export function alarmsUnit(scope: AwsScope): string {
  return `alarms:${scope.account}:${scope.region}`;
}

/** Changes of state of all alarms of one account and Region, metric and composite, oldest first. */
export function createAlarmChangesSource(options: AlarmChangesOptions): Source<AlarmChange> {
  return { unit: alarmsUnit(options), read: (window, signal) => readWindow(options, window, signal) };
}

async function* readWindow(
  options: AlarmChangesOptions,
  window: Window,
  signal: AbortSignal,
): AsyncIterable<Page<AlarmChange>> {
  const { account, region, client } = options;
  const pages = client.alarmHistory({ account, region, signal, ...window, type: 'StateUpdate' });
  for await (const events of pages) {
    const items = events.flatMap((event) => alarmChange(options, event, window));
    const bytes = events.reduce((sum, { data }) => sum + data.length, 0);
    yield { items, read: events.length, bytes };
  }
}

function alarmChange(scope: AwsScope, event: AlarmEvent, window: Window): readonly AlarmChange[] {
  const change = stateChangeOf(event);
  if (change === undefined || event.atMs < window.fromMs || event.atMs >= window.toMs) return [];
  const { account, region } = scope;
  const { fromState, toState } = change;
  const recordId = sha256Id(
    ['alarm', account, region, event.alarm, event.atMs, fromState, toState].join('\n'),
  );
  return [{ recordId, event, change }];
}
