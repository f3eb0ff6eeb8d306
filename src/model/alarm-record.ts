export type AlarmStateName = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

/**
 * What a change means to somebody who counts problems: `opened` when the alarm fires, `refreshed` when it stops being
 * judged while it fired and each half hour that it goes on, `closed` when it is well again or was deleted. Absent where
 * there was no problem before and is none now.
 */
export type ProblemStatus = 'opened' | 'refreshed' | 'closed';

/** One change of state of one CloudWatch alarm. Texts are redacted. */
export interface AlarmRecord {
  readonly kind: 'alarm';
  readonly recordId: string;
  readonly eventId: string;
  readonly revision: number;
  readonly account: string;
  readonly region: string;
  /** What the alarm watches, where its dimensions tell; the id only where one API fits. */
  readonly apiId?: string;
  readonly apiName?: string;
  readonly stage?: string;
  readonly alarmName: string;
  readonly alarmType: 'metric' | 'composite';
  /** The same for all changes of one alarm: what a destination groups them by. */
  readonly problemId: string;
  readonly problemStatus?: ProblemStatus;
  readonly fromState: AlarmStateName;
  readonly toState: AlarmStateName;
  /** Of a problem that goes on or is over, what was told when it began; absent where nobody saw it begin. */
  readonly openedMs?: number;
  readonly openedEventId?: string;
  readonly openedReason?: string;
  readonly openedSampleRecordIds?: readonly string[];
  /** When the state changed; of a mere reminder, when it was due. */
  readonly eventMs: number;
  readonly readMs: number;
  /** One plain sentence. */
  readonly reason: string;
  readonly severity?: string;
  readonly owner?: string;
  readonly runbook?: string;
  /** Where the alarm is declared, `set/alarm[each]`; absent for an alarm that is not from files. */
  readonly alarmId?: string;
  /** Record ids of requests that show what fired, at most five. */
  readonly sampleRecordIds?: readonly string[];
}
