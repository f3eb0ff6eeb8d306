import type { AlarmState } from '../../evaluate/alarm-state.ts';
import { stateReason } from '../../evaluate/state-reason.ts';
import { Suppression } from '../../evaluate/suppressor.ts';
import { compositeState, evaluateMetricAlarm, type MetricRef, reasonDataOf } from './alarm-evaluation.ts';
import { ACTION_LIST, type StoredAlarm } from './alarm-model.ts';
import { type AlarmStore, nameOfReference, readsOf } from './alarm-store.ts';
import { invalidValue } from './cloudwatch-model.ts';
import type { MuteRules } from './mute-rule-store.ts';
import { optionalFlag, optionalNumber, optionalText, optionalTexts } from './request-fields.ts';
import type { SnsLog } from './sns.ts';

const MINUTE_MS = 60_000;
/** A clock that was steered far ahead is caught up minute by minute, but no further back than this. */
const MOST_MINUTES = 24 * 60;

/** What a metric looks like at `nowMs`, for one account and Region. */
export type ReadMetric = (
  scope: Pick<StoredAlarm, 'account' | 'region'>,
  metric: MetricRef,
  span: { readonly startMs: number; readonly periodMs: number },
  nowMs: number,
) => number | undefined;

/** Evaluates the alarms each minute of the sandbox's clock, and publishes what their actions say. */
export class AlarmEngine {
  readonly #store: AlarmStore;
  readonly #read: ReadMetric;
  readonly #sns: SnsLog;
  readonly #mutes: MuteRules;
  /** Alarms that kept still when they went into ALARM, with the state they came from. */
  readonly #muted = new Map<StoredAlarm, AlarmState>();
  readonly #suppressions = new Map<string, Suppression>();
  #evaluatedMs: number | undefined;

  constructor(settings: { store: AlarmStore; read: ReadMetric; sns: SnsLog; mutes: MuteRules }) {
    this.#store = settings.store;
    this.#read = settings.read;
    this.#sns = settings.sns;
    this.#mutes = settings.mutes;
  }

  /** A clock that was set back goes through its minutes again. */
  advanceTo(nowMs: number): void {
    const lastMinute = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
    const next = (this.#evaluatedMs ?? this.#firstMinute(lastMinute)) + MINUTE_MS;
    for (
      let atMs = Math.max(next, lastMinute - MOST_MINUTES * MINUTE_MS);
      atMs <= lastMinute;
      atMs += MINUTE_MS
    ) {
      this.#evaluate(atMs);
    }
    this.#evaluatedMs = lastMinute;
  }

  /** Where evaluation begins: with the minute that is over, or when the first alarm was made, if that was before. */
  #firstMinute(lastMinute: number): number {
    let firstMs = lastMinute - MINUTE_MS;
    for (const { configuredMs } of this.#store.all()) firstMs = Math.min(firstMs, configuredMs);
    return Math.floor(firstMs / MINUTE_MS) * MINUTE_MS;
  }

  #evaluate(nowMs: number): void {
    this.#releaseSuppressed(nowMs);
    this.unmute(nowMs);
    for (const alarm of this.#store.all()) {
      if (alarm.kind === 'metric') this.#evaluateMetric(alarm, nowMs);
    }
    this.#evaluateComposites(nowMs);
  }

  #evaluateMetric(alarm: StoredAlarm, nowMs: number): void {
    const read = (metric: MetricRef, startMs: number, periodMs: number) =>
      this.#read(alarm, metric, { startMs, periodMs }, nowMs);
    const { settings, evaluation } = evaluateMetricAlarm(alarm, read, nowMs);
    if (evaluation.verdict === 'RETAIN' || evaluation.verdict === alarm.state) return;
    this.#change(
      alarm,
      {
        state: evaluation.verdict,
        reason: stateReason(settings, evaluation),
        reasonData: reasonDataOf(settings, evaluation, nowMs),
      },
      nowMs,
    );
  }

  /** Until nothing changes: composites may read composites. A cycle ends, as on AWS, without being evaluated further. */
  #evaluateComposites(nowMs: number): void {
    const composites = [...this.#store.all()].filter((alarm) => alarm.kind === 'composite');
    for (let round = 0; round <= composites.length; round += 1) {
      const changed = composites.filter((alarm) => this.#evaluateComposite(alarm, nowMs));
      if (changed.length === 0) return;
    }
  }

  #evaluateComposite(alarm: StoredAlarm, nowMs: number): boolean {
    const next = compositeState(alarm, (name) => this.#store.get(alarm, name)?.state);
    if (next === alarm.state) return false;
    const children = [...readsOf(alarm)].flatMap((name) => this.#store.get(alarm, name) ?? []);
    const turned = children.filter(({ state, transitionedMs }) =>
      next === 'ALARM' ? state === next : state === next && transitionedMs === nowMs,
    );
    const reason =
      turned.length > 0
        ? `${turned.map(({ arn }) => arn).join(', ')} transitioned to ${next}`
        : `The rule of ${alarm.name} is ${next === 'ALARM' ? 'met' : 'not met'}`;
    this.#change(alarm, { state: next, reason }, nowMs);
    return true;
  }

  /** Sets a state by hand or by evaluation, and does what follows from it. */
  #change(
    alarm: StoredAlarm,
    to: { state: AlarmState; reason: string; reasonData?: string },
    nowMs: number,
  ): void {
    const from = alarm.state;
    const suppression = this.#suppressionOf(alarm, nowMs);
    this.#store.setState(alarm, to, nowMs);
    this.#tellSuppressed(alarm, nowMs);
    if (suppression === undefined) {
      this.#act(alarm, from, nowMs);
      return;
    }
    suppression.compositeChanged(to.state, nowMs);
    alarm.suppressedBy = suppression.suppressedBy;
  }

  /** `SetAlarmState`: holds until the next evaluation. */
  setState(
    alarm: StoredAlarm,
    to: { state: AlarmState; reason: string; reasonData?: string },
    nowMs: number,
  ): void {
    if (to.state === alarm.state) return;
    this.#change(alarm, to, nowMs);
    this.#evaluateComposites(nowMs);
  }

  #suppressionOf(alarm: StoredAlarm, nowMs: number): Suppression | undefined {
    const by = optionalText(alarm.properties, 'ActionsSuppressor', invalidValue);
    if (alarm.kind !== 'composite' || by === undefined) return undefined;
    const known = this.#suppressions.get(alarm.arn);
    if (known !== undefined) return known;
    const suppressor = this.#store.get(alarm, nameOfReference(by))?.state ?? 'INSUFFICIENT_DATA';
    const seconds = (name: string) => optionalNumber(alarm.properties, name, invalidValue) ?? 0;
    const made = new Suppression(
      {
        waitMs: seconds('ActionsSuppressorWaitPeriod') * 1_000,
        extensionMs: seconds('ActionsSuppressorExtensionPeriod') * 1_000,
      },
      { composite: alarm.state, suppressor },
    );
    made.advance(nowMs);
    this.#suppressions.set(alarm.arn, made);
    return made;
  }

  /** Composites that this alarm suppresses learn of its change. */
  #tellSuppressed(alarm: StoredAlarm, nowMs: number): void {
    for (const composite of this.#store.of(alarm)) {
      const by = optionalText(composite.properties, 'ActionsSuppressor', invalidValue);
      if (by === undefined || nameOfReference(by) !== alarm.name) continue;
      const suppression = this.#suppressionOf(composite, nowMs);
      suppression?.suppressorChanged(alarm.state, nowMs);
      composite.suppressedBy = suppression?.suppressedBy;
    }
  }

  #releaseSuppressed(nowMs: number): void {
    for (const [arn, suppression] of this.#suppressions) {
      const alarm = this.#store.byArn(arn);
      if (alarm === undefined) {
        this.#suppressions.delete(arn);
        continue;
      }
      const action = suppression.advance(nowMs);
      alarm.suppressedBy = suppression.suppressedBy;
      if (action !== undefined) this.#act(alarm, action.state === 'ALARM' ? 'OK' : 'ALARM', action.atMs);
    }
  }

  /** An alarm whose muting has ended acts if it is in ALARM still. For a deleted rule AWS says so; for the end of a window it is assumed. */
  unmute(nowMs: number): void {
    for (const [alarm, from] of this.#muted) {
      const isHere = this.#store.byArn(alarm.arn) === alarm;
      if (isHere && this.#mutes.silences(alarm, nowMs)) continue;
      this.#muted.delete(alarm);
      if (isHere && alarm.state === 'ALARM') this.#act(alarm, from, nowMs);
    }
  }

  #act(alarm: StoredAlarm, from: AlarmState, nowMs: number): void {
    if (optionalFlag(alarm.properties, 'ActionsEnabled', invalidValue) === false) return;
    if (this.#mutes.silences(alarm, nowMs)) {
      if (alarm.state === 'ALARM') this.#muted.set(alarm, from);
      return;
    }
    for (const target of optionalTexts(alarm.properties, ACTION_LIST[alarm.state], invalidValue) ?? []) {
      const outcome = this.#sns.publish(target, messageOf(alarm, from, nowMs), nowMs);
      this.#store.note(
        alarm,
        'Action',
        outcome === 'delivered'
          ? `Successfully executed action ${target}`
          : `Failed to execute action ${target}: ${outcome}`,
        { actionState: outcome === 'delivered' ? 'Succeeded' : 'Failed', notificationResource: target },
        nowMs,
      );
    }
  }
}

/** The notification CloudWatch sends to SNS. */
function messageOf(alarm: StoredAlarm, from: AlarmState, nowMs: number): Readonly<Record<string, unknown>> {
  return {
    AlarmName: alarm.name,
    AlarmDescription: optionalText(alarm.properties, 'AlarmDescription', invalidValue) ?? null,
    AWSAccountId: alarm.account,
    AlarmConfigurationUpdatedTimestamp: new Date(alarm.configuredMs).toISOString(),
    NewStateValue: alarm.state,
    NewStateReason: alarm.reason,
    StateChangeTime: new Date(nowMs).toISOString(),
    Region: alarm.region,
    AlarmArn: alarm.arn,
    OldStateValue: from,
  };
}
