import type { AlarmInstance } from '../alarm-instance.ts';
import type { LintRuleId } from '../format/lint-rule-ids.ts';
import type { MetricRef } from '../portable-metrics.ts';

/** What is wrong with an alarm and what to do about it. */
export interface LintWords {
  readonly expected: string;
  readonly got: string;
  readonly remedy: string;
}

export interface Finding extends LintWords {
  readonly rule: LintRuleId;
  readonly severity: 'error' | 'warning';
  /** Of the alarm. */
  readonly id: string;
  readonly file: string;
  readonly line: number;
}

/** What was measured, where it was: rules that need it are silent without it. */
export interface LintFacts {
  /** `metricKey` of metrics that had a point in the last two weeks; of other namespaces nothing is known. */
  readonly alive?: { readonly namespaces: ReadonlySet<string>; readonly keys: ReadonlySet<string> };
  /** Requests a minute, by `metricKey` of the request count of a stage or route. */
  readonly requestsPerMinute?: ReadonlyMap<string, number>;
  /** What a replay saw, by id of the alarm. */
  readonly replayed?: ReadonlyMap<string, ReplayFacts>;
}

export interface ReplayFacts {
  /** Windows that were judged, and how many of them were beyond the threshold. */
  readonly judged: number;
  readonly breaching: number;
  readonly firedAtMs: readonly number[];
}

/** One rule. `all` are the alarms it may compare with. */
export interface LintRule {
  readonly id: LintRuleId;
  readonly severity: Finding['severity'];
  /** Undefined when nothing is wrong. */
  readonly check: (instance: AlarmInstance, facts: LintFacts, all: LintIndex) => LintWords | undefined;
}

/** Look-ups over all alarms, so that a rule that compares need not go through them for each. */
export interface LintIndex {
  /** Severity of whatever reads it, itself included: a child pages through its parent. */
  pages(instance: AlarmInstance): boolean;
  /** The first alarm that is the same but for its id, name and words. */
  twinOf(instance: AlarmInstance): AlarmInstance | undefined;
  /** Ids of REST APIs of this name in the same account and Region. */
  apiIdsOf(instance: AlarmInstance): readonly string[];
  /** The first alarm that fired at exactly the same minutes and that neither reads it nor is read by it. */
  companionOf(instance: AlarmInstance, facts: LintFacts): AlarmInstance | undefined;
}

export function metricKey(account: string, region: string, metric: MetricRef): string {
  const dimensions = Object.entries(metric.dimensions)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  return [account, region, metric.namespace, metric.metricName, ...dimensions].join('\n');
}
