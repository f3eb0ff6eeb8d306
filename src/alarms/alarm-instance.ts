import type { RuleNode } from '../evaluate/composite-rule.ts';
import type { AlarmSettings } from '../evaluate/evaluate-alarm.ts';
import type { DesiredResource } from '../model/managed-resource.ts';
import type { Each } from './each.ts';
import type { MetricRef, PortableMetric } from './portable-metrics.ts';
import type { Receiver } from './routing.ts';

export type Severity = 'page' | 'ticket' | 'info';

/** A metric an alarm reads. `portable` is the name that tests give series under. */
export interface AlarmInput {
  /** Id inside the expression; `value` for an alarm on one metric. */
  readonly id: string;
  readonly metric: MetricRef;
  readonly statistic: string;
  readonly portable?: PortableMetric;
}

/** How an alarm is judged offline; `opaque` says why it cannot be. */
export type AlarmModel =
  | {
      readonly kind: 'metric';
      readonly settings: AlarmSettings;
      readonly inputs: readonly AlarmInput[];
      /** Absent: the value of the only input. */
      readonly expression?: string;
    }
  | {
      readonly kind: 'composite';
      /** Children by their names in AWS. */
      readonly rule: RuleNode;
      readonly suppressor?: { readonly alarm: string; readonly waitMs: number; readonly extensionMs: number };
    }
  | { readonly kind: 'opaque'; readonly why: string };

/** One alarm of one stage or route: what goes to AWS, and what tests, backtests, lint and coverage need to know of it. */
export interface AlarmInstance {
  /** `set/alarm[each-key]`. */
  readonly id: string;
  readonly set: string;
  readonly alarm: string;
  readonly each: Each;
  readonly severity: Severity;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly receivers: readonly Receiver[];
  readonly resource: DesiredResource;
  readonly model: AlarmModel;
  /** Preset it was made from. */
  readonly preset?: string;
  /** Lint rules that its file turned off. */
  readonly disabledRules: readonly string[];
}

/** An alarm that was asked for and cannot be made, with the reason. */
export interface Refusal {
  readonly id: string;
  readonly reason: string;
  readonly file: string;
  readonly line: number;
  /** What of which stage it would have watched; absent where that is a route, or no metric of ours. */
  readonly watched?: WatchedSignal;
}

/** A portable metric of one stage. */
export interface WatchedSignal {
  readonly account: string;
  readonly region: string;
  readonly apiId: string;
  readonly stage: string;
  readonly metric: PortableMetric;
}
