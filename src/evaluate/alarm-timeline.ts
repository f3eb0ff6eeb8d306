import type { AlarmState } from './alarm-state.ts';
import { type AlarmSettings, type Evaluation, evaluateAlarm } from './evaluate-alarm.ts';
import { evaluationClock } from './evaluation-clock.ts';
import type { SeriesReader } from './windows.ts';

export interface Transition {
  readonly atMs: number;
  readonly from: AlarmState;
  readonly to: AlarmState;
  /** The evaluation that changed the state. */
  readonly evaluation: Evaluation;
}

/** A moment at which AWS's published rules do not settle the state; what was assumed is in the timeline. */
export interface Doubt {
  readonly atMs: number;
  readonly why: string;
}

export interface Timeline {
  readonly transitions: readonly Transition[];
  readonly doubts: readonly Doubt[];
  readonly final: AlarmState;
}

export interface TimelineSettings {
  readonly alarm: AlarmSettings;
  readonly series: SeriesReader;
  /** First and last moment of the run, inclusive. */
  readonly fromMs: number;
  readonly toMs: number;
  /** How long a minute takes to become usable. */
  readonly delayMs: number;
  /** State at `fromMs`; INSUFFICIENT_DATA for an alarm just created. */
  readonly initial: AlarmState;
  /** `WarmUpConfiguration`: INSUFFICIENT_DATA is kept until then. */
  readonly warmUpMs?: number;
}

/** Runs an alarm through time as CloudWatch would: each minute (or hour) on sliding windows. */
export function alarmTimeline(settings: TimelineSettings): Timeline {
  const clock = evaluationClock({ ...settings.alarm, delayMs: settings.delayMs });
  const transitions: Transition[] = [];
  const doubts: Doubt[] = [];
  const startMs = settings.fromMs + (settings.warmUpMs ?? 0);
  let state = settings.initial;
  for (let atMs = clock.next(startMs); atMs <= settings.toMs; atMs = clock.next(atMs + 1)) {
    const evaluation = evaluateAlarm(settings.alarm, settings.series, clock.newestEndMs(atMs));
    if (evaluation.inconclusive !== undefined) doubts.push({ atMs, why: evaluation.inconclusive });
    const next = evaluation.verdict === 'RETAIN' ? state : evaluation.verdict;
    if (next !== state) transitions.push({ atMs, from: state, to: next, evaluation });
    state = next;
  }
  return { transitions, doubts, final: state };
}
