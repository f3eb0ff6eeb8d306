/** Ids of all rules, for `disable: [id]` in an alarm and `# gatewatch:disable id` in a comment. */
export const LINT_RULE_IDS = [
  'always-breaching',
  'always-together',
  'breaching-on-sparse',
  'dead-metric',
  'duplicate-alarm',
  'fill-with-all-points',
  'hourly-page',
  'impossible-burn-rate',
  'impossible-threshold',
  'm-above-n',
  'missing-operand',
  'never-breaching',
  'nobody-told',
  'page-without-runbook',
  'shared-api-name',
  'span-too-long',
  'thin-percentile',
  'too-many-actions',
  'unit-set',
] as const;

export type LintRuleId = (typeof LINT_RULE_IDS)[number];
