import { describe, expect, it } from 'vitest';
import type { AlarmInstance } from '../../../src/alarms/alarm-instance.ts';
import { LINT_RULE_IDS, type LintRuleId } from '../../../src/alarms/format/lint-rule-ids.ts';
import { type LintFacts, metricKey } from '../../../src/alarms/lint/finding.ts';
import { LINT_RULES, lintAlarms } from '../../../src/alarms/lint/lint-alarms.ts';
import { countKey } from '../../../src/alarms/lint/measured-rules.ts';
import { watchedInputs } from '../../../src/alarms/lint/watched-inputs.ts';
import type { StageInventory } from '../../../src/model/inventory.ts';
import { ERRORS, exampleFiles, expand, setWith, stage } from '../files.ts';

const with_ = (fields: string, from = ERRORS) => from.replace(' }', `, ${fields} }`);
const LATENCY =
  '{ id: p99, metric: latency, ExtendedStatistic: p99, Threshold: 5000, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 3 }';
const handWritten = (expression: string, more = '') =>
  `{ id: math, ComparisonOperator: GreaterThanThreshold, Threshold: 1, EvaluationPeriods: 2, Metrics: [{ Id: e, Expression: "${expression}" }]${more} }`;
const COMPOSITE =
  '{ id: impact, rule: "ALARM(errors)", severity: page, disable: [page-without-runbook, nobody-told] }';
const A_DAY = 'Period: 86400, EvaluationPeriods: 3, disable: [span-too-long]';

type Measured = (instances: readonly AlarmInstance[]) => LintFacts;

interface Case {
  readonly alarms: readonly string[];
  readonly stages?: readonly StageInventory[];
  readonly facts?: Measured;
  /** What the reader must learn, beyond the rule. */
  readonly got: string;
  /** The alarm it is found on, where there are several; default the first. */
  readonly on?: number;
}

const replayed =
  (judged: number, breaching: number, firedAtMs: readonly number[] = []): Measured =>
  (instances) => ({ replayed: new Map(instances.map(({ id }) => [id, { judged, breaching, firedAtMs }])) });
const traffic =
  (perMinute: number): Measured =>
  (instances) => ({
    requestsPerMinute: new Map(instances.map((instance) => [countKey(instance) ?? '', perMinute])),
  });

/** For every rule an alarm that breaks it and no other. */
const CASES: Readonly<Record<Exclude<LintRuleId, 'impossible-burn-rate'>, Case>> = {
  'always-breaching': { alarms: [ERRORS], facts: replayed(100, 100), got: 'all 100 windows' },
  'always-together': {
    alarms: [ERRORS, LATENCY],
    on: 1,
    facts: replayed(100, 9, [1, 2, 3]),
    got: 'all 3 firings in the same minutes as core/errors[orders/prod]',
  },
  'breaching-on-sparse': { alarms: [with_('TreatMissingData: breaching')], got: 'silence will fire it' },
  'dead-metric': {
    alarms: [ERRORS],
    facts: () => ({ alive: { namespaces: new Set(['AWS/ApiGateway']), keys: new Set() } }),
    got: 'the alarm looks at nothing',
  },
  'duplicate-alarm': {
    alarms: [ERRORS, ERRORS.replace('id: errors', 'id: again')],
    on: 1,
    got: 'as core/errors[orders/prod]',
  },
  'fill-with-all-points': { alarms: [handWritten('FILL(m1, 0)')], got: 'the state sticks' },
  'hourly-page': {
    alarms: [ERRORS.replace('EvaluationPeriods: 3', A_DAY), COMPOSITE],
    got: '259200 s, read by a composite that pages',
  },
  'impossible-threshold': { alarms: [ERRORS.replace('0.05', '5')], got: '5: it could never fire' },
  'm-above-n': { alarms: [with_('DatapointsToAlarm: 4')], got: '4: it could never fire' },
  'missing-operand': { alarms: [handWritten('m1 / m2')], got: 'm1 and m2' },
  'never-breaching': { alarms: [ERRORS], facts: replayed(100, 0), got: 'none of 100 windows' },
  'nobody-told': {
    alarms: [with_('severity: page, annotations: { runbook_url: "https://r.example" }')],
    got: 'no route of Routing takes it',
  },
  'page-without-runbook': {
    alarms: [with_('severity: page, AlarmActions: ["arn:x"]')],
    got: 'starts with nothing',
  },
  'shared-api-name': {
    alarms: [ERRORS],
    stages: [stage('orders', { apiId: 'a' }), stage('orders', { apiId: 'b', stage: 'beta' })],
    got: 'orders for a and b',
  },
  'span-too-long': { alarms: [ERRORS.replace('Periods: 3', 'Periods: 1441')], got: '86460 s' },
  'thin-percentile': { alarms: [LATENCY], facts: traffic(100), got: 'about 100 at the measured traffic' },
  'too-many-actions': {
    alarms: [with_('raw: { AlarmActions: [a, b, c, d, e, f] }')],
    got: '6, which CloudWatch refuses',
  },
  'unit-set': { alarms: [with_('Unit: Count')], got: '"Count"' },
};

function findingsOf({ alarms, stages = [stage('orders')], facts }: Case, comment?: string) {
  const lines = comment === undefined ? alarms : alarms.map((alarm) => `${alarm} ${comment}`);
  const { instances, problems } = expand(setWith(lines.join('\n    - ')), ...stages);
  expect(problems).toEqual([]);
  return lintAlarms(instances, facts?.(instances));
}

describe('lintAlarms', () => {
  it.each(Object.entries(CASES))('finds %s, and nothing else, and says what to do', (rule, broken) => {
    const findings = findingsOf(broken);
    expect([...new Set(findings.map((finding) => finding.rule))]).toEqual([rule]);
    const line = 7 + (broken.on ?? 0);
    expect(findings[0]).toMatchObject({ file: 'core.yaml', line, got: expect.stringContaining(broken.got) });
    expect(findings[0]?.expected).not.toBe('');
    expect(findings[0]?.remedy).not.toBe('');
  });

  it.each(Object.entries(CASES))('is silent about %s where a comment turns it off', (rule, broken) => {
    expect(findingsOf(broken, `# gatewatch:disable ${rule} (known)`)).toEqual([]);
  });

  it('finds nothing in the example set', () => {
    const { instances } = expand(exampleFiles(), stage('orders-api'), stage('pay', { protocol: 'HTTP' }));
    const keys = instances.flatMap((instance) =>
      watchedInputs(instance).map(({ metric }) => metricKey('111122223333', 'eu-west-1', metric)),
    );
    const alive = { namespaces: new Set(['AWS/ApiGateway']), keys: new Set(keys) };
    expect(lintAlarms(instances, { alive, ...traffic(20_000)(instances) })).toEqual([]);
  });

  it('has a case here for every rule there is, and every id belongs to a rule', () => {
    const ids = LINT_RULES.map(({ id }) => id).sort();
    expect(Object.keys(CASES).sort()).toEqual(ids);
    // Told while burn rates are worked out, because such an alarm is not made at all.
    expect([...ids, 'impossible-burn-rate'].sort()).toEqual([...LINT_RULE_IDS].sort());
  });
});

describe('what a rule does not find', () => {
  const rulesFor = (alarm: string, facts?: Measured, ...stages: readonly StageInventory[]) =>
    findingsOf({
      alarms: [alarm],
      got: '',
      ...(facts && { facts }),
      ...(stages.length > 0 && { stages }),
    }).map(({ rule }) => rule);

  it.each<[string, string, Measured?]>([
    [
      'silence that is the alarm',
      with_('TreatMissingData: breaching', ERRORS.replace('errors.server', 'requests')),
    ],
    ['FILL that waits for the next point', handWritten('FILL(m1, 0)', ', DatapointsToAlarm: 1')],
    ['operands that are filled', handWritten('FILL(m1, 0) / FILL(m2, 1)', ', DatapointsToAlarm: 1')],
    ['a long window that pages nobody', ERRORS.replace('EvaluationPeriods: 3', A_DAY)],
    ['a latency of any height', LATENCY.replace('5000', '500000')],
    ['a percentile with enough requests', LATENCY, traffic(1_000)],
    [
      'a metric of a namespace that was not listed',
      ERRORS,
      () => ({ alive: { namespaces: new Set(), keys: new Set() } }),
    ],
    ['a threshold that was crossed now and then', ERRORS, replayed(100, 3)],
  ])('%s', (_, alarm, facts) => {
    expect(rulesFor(alarm, facts)).toEqual([]);
  });

  it('two HTTP APIs of one name: they are keyed by id', () => {
    const http = { protocol: 'HTTP' } as const;
    expect(
      rulesFor(
        ERRORS,
        undefined,
        stage('pay', { ...http, apiId: 'a' }),
        stage('pay', { ...http, apiId: 'b' }),
      ),
    ).toEqual([]);
  });

  it('a percentage that is always above its threshold is told as such', () => {
    const [finding] = findingsOf({ alarms: [ERRORS.replace('0.05', '-1')], got: '' });
    expect(finding?.got).toBe('-1: it would always fire');
  });

  it.each([
    [100, 'a period of 10 minutes would do'],
    [0, 'no period up to a day is long enough'],
  ])('at %i requests a minute advises: %s', (perMinute, advice) => {
    const [finding] = findingsOf({ alarms: [LATENCY], facts: traffic(perMinute), got: '' });
    expect(finding?.remedy).toContain(advice);
  });
});
