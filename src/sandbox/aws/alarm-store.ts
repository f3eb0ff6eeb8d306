import type { AlarmState } from '../../evaluate/alarm-state.ts';
import { childrenOf, parseRule } from '../../evaluate/composite-rule.ts';
import {
  type AlarmKind,
  alarmArn,
  type HistoryItem,
  resourceConflict,
  type StoredAlarm,
} from './alarm-model.ts';
import type { Caller } from './caller.ts';
import { invalidValue } from './cloudwatch-model.ts';
import { type Fields, optionalText } from './request-fields.ts';

type Scope = Pick<Caller, 'account' | 'region'>;

const CREATED = 'Unchecked: Initial alarm creation';

/** The alarms of all accounts and Regions, with their history. Metric and composite alarms share their names. */
export class AlarmStore {
  readonly #alarms = new Map<string, StoredAlarm>();
  readonly #history: (HistoryItem & Scope)[] = [];

  all(): Iterable<StoredAlarm> {
    return this.#alarms.values();
  }

  of(scope: Scope): readonly StoredAlarm[] {
    return [...this.#alarms.values()].filter(
      (alarm) => alarm.account === scope.account && alarm.region === scope.region,
    );
  }

  get(scope: Scope, name: string): StoredAlarm | undefined {
    return this.#alarms.get(alarmArn(scope, name));
  }

  byArn(arn: string): StoredAlarm | undefined {
    return this.#alarms.get(arn);
  }

  /** An upsert of the whole alarm: an update keeps the state and ignores the tags, as AWS does. */
  put(
    scope: Scope,
    alarm: { kind: AlarmKind; name: string; properties: Fields; tags: ReadonlyMap<string, string> },
    nowMs: number,
  ): StoredAlarm {
    const arn = alarmArn(scope, alarm.name);
    const known = this.#alarms.get(arn);
    if (known !== undefined && known.kind !== alarm.kind) {
      throw invalidValue(`An alarm of another type named ${alarm.name} exists already.`);
    }
    if (known !== undefined) {
      known.properties = alarm.properties;
      known.configuredMs = nowMs;
      this.note(known, 'ConfigurationUpdate', `Alarm "${alarm.name}" updated`, { type: 'Update' }, nowMs);
      return known;
    }
    const made: StoredAlarm = {
      ...alarm,
      ...scope,
      arn,
      tags: new Map(alarm.tags),
      state: 'INSUFFICIENT_DATA',
      reason: CREATED,
      reasonData: undefined,
      stateUpdatedMs: nowMs,
      transitionedMs: nowMs,
      configuredMs: nowMs,
      suppressedBy: undefined,
    };
    this.#alarms.set(arn, made);
    this.note(made, 'ConfigurationUpdate', `Alarm "${alarm.name}" created`, { type: 'Create' }, nowMs);
    return made;
  }

  /** Refuses, before anything is deleted, what a composite still reads. Unknown names are passed over. */
  delete(scope: Scope, names: readonly string[], nowMs: number): void {
    const found = names.flatMap((name) => this.get(scope, name) ?? []);
    if (found.filter((alarm) => alarm.kind === 'composite').length > 1) {
      throw invalidValue('At most one composite alarm can be deleted per call.');
    }
    for (const alarm of found) this.#refuseWhileRead(alarm);
    for (const alarm of found) {
      this.#alarms.delete(alarm.arn);
      this.note(alarm, 'ConfigurationUpdate', `Alarm "${alarm.name}" deleted`, { type: 'Delete' }, nowMs);
    }
  }

  setState(
    alarm: StoredAlarm,
    to: { state: AlarmState; reason: string; reasonData?: string | undefined },
    nowMs: number,
  ): void {
    const from = { stateValue: alarm.state, stateReason: alarm.reason };
    const changed = alarm.state !== to.state;
    alarm.state = to.state;
    alarm.reason = to.reason;
    alarm.reasonData = to.reasonData;
    alarm.stateUpdatedMs = nowMs;
    if (!changed) return;
    alarm.transitionedMs = nowMs;
    const reasonData: unknown = to.reasonData === undefined ? undefined : JSON.parse(to.reasonData);
    const newState = {
      stateValue: to.state,
      stateReason: to.reason,
      ...(reasonData === undefined ? {} : { stateReasonData: reasonData }),
    };
    this.note(
      alarm,
      'StateUpdate',
      `Alarm updated from ${from.stateValue} to ${to.state}`,
      { oldState: from, newState },
      nowMs,
    );
  }

  note(
    alarm: StoredAlarm,
    type: HistoryItem['type'],
    summary: string,
    data: Readonly<Record<string, unknown>>,
    atMs: number,
  ): void {
    this.#history.push({
      alarmName: alarm.name,
      kind: alarm.kind,
      account: alarm.account,
      region: alarm.region,
      type,
      atMs,
      summary,
      data: JSON.stringify({ version: '1.0', ...data }),
    });
  }

  /** Of all accounts and Regions, in the order it was noted. */
  everything(): readonly (HistoryItem & Scope)[] {
    return this.#history;
  }

  /** Oldest first; kept after an alarm is deleted. */
  history(scope: Scope): readonly HistoryItem[] {
    return this.#history.filter((item) => item.account === scope.account && item.region === scope.region);
  }

  #refuseWhileRead(alarm: StoredAlarm): void {
    const reader = this.of(alarm).find(
      (other) => other.kind === 'composite' && other !== alarm && readsOf(other).has(alarm.name),
    );
    if (reader !== undefined) {
      throw resourceConflict(`Alarm ${alarm.name} is used by the composite alarm ${reader.name}.`);
    }
  }
}

/** Names a composite reads, its suppressor included; ARNs are told by their last part. */
export function readsOf(alarm: StoredAlarm): ReadonlySet<string> {
  const rule = optionalText(alarm.properties, 'AlarmRule', invalidValue) ?? 'FALSE';
  const suppressor = optionalText(alarm.properties, 'ActionsSuppressor', invalidValue);
  const names = [...childrenOf(parseRule(rule)), ...(suppressor === undefined ? [] : [suppressor])];
  return new Set(names.map(nameOfReference));
}

export function nameOfReference(reference: string): string {
  return reference.startsWith('arn:') ? (reference.split(':alarm:')[1] ?? reference) : reference;
}
