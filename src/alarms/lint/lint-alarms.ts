import type { AlarmInstance } from '../alarm-instance.ts';
import type { Finding, LintFacts, LintRule } from './finding.ts';
import { lintIndex } from './lint-index.ts';
import { MEASURED_RULES } from './measured-rules.ts';
import { OFFLINE_RULES } from './offline-rules.ts';

export const LINT_RULES: readonly LintRule[] = [...OFFLINE_RULES, ...MEASURED_RULES];

/** Those that a replay feeds. */
export const REPLAY_RULES: readonly LintRule[] = MEASURED_RULES.filter(({ id }) =>
  ['never-breaching', 'always-breaching', 'always-together'].includes(id),
);

/** Everything the rules find, but for what an alarm disables. */
export function lintAlarms(
  instances: readonly AlarmInstance[],
  facts: LintFacts = {},
  rules: readonly LintRule[] = LINT_RULES,
): readonly Finding[] {
  const index = lintIndex(instances);
  return instances.flatMap((instance) =>
    rules.flatMap((rule): Finding[] => {
      if (instance.disabledRules.includes(rule.id)) return [];
      const words = rule.check(instance, facts, index);
      if (words === undefined) return [];
      const { file, line } = instance.resource.origins.id ?? { file: instance.set, line: 1 };
      return [{ rule: rule.id, severity: rule.severity, id: instance.id, file, line, ...words }];
    }),
  );
}
