import { describe, expect, it } from 'vitest';
import { type Pulled, pullAlarms } from '../../src/alarms/pull/pull-alarms.ts';
import type { StageInventory } from '../../src/model/inventory.ts';
import type { ObservedResource, Properties } from '../../src/model/managed-resource.ts';
import { type Change, planChanges } from '../../src/plan/plan-changes.ts';
import { exampleFiles, expand, stage } from './files.ts';

type Files = Readonly<Record<string, string>>;

const PLACE = { account: '111122223333', region: 'eu-west-1' };

/** What AWS holds after these files were applied. */
function applied(files: Files, stages: readonly StageInventory[]): readonly ObservedResource[] {
  const { resources, workspace } = expand(files, ...stages);
  return planChanges({ workspace, desired: resources, observed: [], partial: new Map() }).flatMap((change) =>
    change.verb !== 'create'
      ? []
      : [
          {
            key: change.desired.key,
            properties: change.properties,
            tags: change.tags,
            children: change.desired.key.type === 'composite_alarm' ? change.desired.children : [],
          },
        ],
  );
}

function pull(files: Files, alarms: readonly ObservedResource[], stages: readonly StageInventory[]): Pulled {
  const { workspace } = expand(files, ...stages);
  return pullAlarms({
    alarms: alarms.filter(({ key }) => key.type.endsWith('_alarm')),
    inventory: { stages, complete: true },
    folder: { files: Object.entries(files).map(([path, text]) => ({ path, text })), resolvers: new Map() },
    workspace,
  });
}

/** What a plan would still do, with the pulled files in the folder. */
function planned(
  files: Files,
  pulled: Pulled,
  observed: readonly ObservedResource[],
  stages: readonly StageInventory[],
): readonly Change[] {
  const all = { ...files, ...Object.fromEntries(pulled.files.map(({ set, text }) => [`${set}.yaml`, text])) };
  const { resources, workspace, problems } = expand(all, ...stages);
  expect(problems).toEqual([]);
  return planChanges({ workspace, desired: resources, observed, partial: new Map() });
}

function foreign(
  name: string,
  properties: Properties,
  type: ObservedResource['key']['type'] = 'metric_alarm',
) {
  return { key: { type, ...PLACE, name }, properties, tags: { terraform: 'true' }, children: [] };
}

function errorsOf(api: string, more: Properties = {}): Properties {
  return {
    Namespace: 'AWS/ApiGateway',
    MetricName: '5XXError',
    Dimensions: [
      { Name: 'ApiName', Value: api },
      { Name: 'Stage', Value: 'prod' },
    ],
    Statistic: 'Average',
    Period: 60,
    EvaluationPeriods: 3,
    Threshold: 0.05,
    ComparisonOperator: 'GreaterThanThreshold',
    ActionsEnabled: true,
    OKActions: [],
    AlarmActions: ['arn:aws:sns:eu-west-1:111122223333:ops'],
    ...more,
  };
}

describe('pulling alarms of our own whose files are lost', () => {
  const stages = [
    stage('orders-api'),
    stage('partner-api', { stage: 'beta' }),
    stage('reports-api'),
    stage('mobile-api', { protocol: 'HTTP' }),
    stage('events-ws', { protocol: 'WEBSOCKET' }),
  ];

  it('gives files after which a plan is empty, folded where stages are alike', () => {
    const { 'core.test.yaml': _, ...files } = exampleFiles();
    const observed = applied(files, stages);
    expect(observed.length).toBeGreaterThan(25);
    const { '_defaults.yaml': defaults = '', 'routing.yaml': routing = '', 'mutes.yaml': mutes = '' } = files;
    // Which labels a mute rule was for cannot be read back: those files must be kept.
    const left = { '_defaults.yaml': defaults, 'mutes.yaml': mutes };
    const pulled = pull(left, observed, stages);
    expect(pulled.leftOut).toEqual([]);
    expect(planned(left, pulled, observed, stages)).toEqual([]);
    const core = pulled.files.find(({ set }) => set === 'core');
    // The metrics of three protocols differ, their portable name does not.
    expect(core?.text.match(/- id: 5xx-ratio\n/g)).toHaveLength(1);
    expect(core?.text).toContain('metric: errors.server');
    expect(core?.text).toContain('min_samples: 20');
    expect(core?.text).toMatch(/rule: ALARM\("5xx-ratio"\) OR/);
    // Routing adds receivers to what carries its actions already: that changes nothing either.
    const routed = { ...left, 'routing.yaml': routing };
    expect(planned(routed, pull(routed, observed, stages), observed, stages)).toEqual([]);
  });
});

describe('pulling alarms of somebody else', () => {
  const stages = [stage('orders'), stage('billing'), stage('billing', { stage: 'dev' }), stage('legacy')];

  it('folds equal alarms into one entry, keeps the odd one apart, and is taken over as it is', () => {
    const alarms = [
      foreign('orders-prod-5xx', errorsOf('orders')),
      foreign('billing-prod-5xx', errorsOf('billing')),
      foreign('legacy-prod-5xx', errorsOf('legacy', { Threshold: 0.2, AlarmDescription: 'old; see wiki' })),
    ];
    const pulled = pull({}, alarms, stages);
    expect(pulled.files.map(({ text }) => text)).toEqual([
      `# Pulled from AWS: 3 alarms in 2 entries.
apiVersion: gatewatch/v1
kind: AlarmSet
metadata:
  name: pulled
spec:
  for_each:
    source: stages
    match:
      stage: prod
  defaults:
    lifecycle:
      adopt: if-identical
  alarms:
    - id: 5xx
      when: \${each.key in ["orders/prod", "billing/prod"]}
      AlarmName: \${each.api.name}-\${each.stage}-5xx
      metric: errors.server
      TreatMissingData: missing
      Statistic: Average
      Period: 60
      EvaluationPeriods: 3
      Threshold: 0.05
      ComparisonOperator: GreaterThanThreshold
      AlarmActions:
        - arn:aws:sns:\${each.region}:\${each.account}:ops
      AlarmDescription: ""
    - id: 5xx-2
      when: \${each.key == "legacy/prod"}
      AlarmName: \${each.api.name}-\${each.stage}-5xx
      metric: errors.server
      TreatMissingData: missing
      Statistic: Average
      Period: 60
      EvaluationPeriods: 3
      Threshold: 0.2
      ComparisonOperator: GreaterThanThreshold
      AlarmActions:
        - arn:aws:sns:\${each.region}:\${each.account}:ops
      AlarmDescription: old; see wiki
`,
    ]);
    const changes = planned({}, pulled, alarms, stages);
    expect(changes.map((change) => [change.verb, 'fields' in change && change.fields])).toEqual([
      ['adopt', []],
      ['adopt', []],
      ['adopt', []],
    ]);
  });

  it('writes metric math, newer properties, routes and alarms on a whole API as they are', () => {
    const math: Properties = {
      Metrics: [
        {
          Id: 'e',
          MetricStat: {
            Metric: {
              Namespace: 'AWS/ApiGateway',
              MetricName: 'Count',
              Dimensions: [
                { Name: 'ApiName', Value: 'orders' },
                { Name: 'Stage', Value: 'prod' },
                { Name: 'Method', Value: 'GET' },
                { Name: 'Resource', Value: '/orders' },
              ],
            },
            Period: 300,
            Stat: 'Sum',
          },
          ReturnData: false,
        },
        { Id: 'band', Expression: 'ANOMALY_DETECTION_BAND(e, 2)' },
      ],
      ThresholdMetricId: 'band',
      EvaluationPeriods: 2,
      ComparisonOperator: 'LessThanLowerThreshold',
      TreatMissingData: 'breaching',
      SomethingNew: { Enabled: true },
    };
    const { Dimensions: _, ...bare } = errorsOf('orders');
    const whole = { ...bare, Dimensions: [{ Name: 'ApiName', Value: 'orders' }] };
    const simple: Properties = {
      ...math,
      ThresholdMetricId: null,
      Threshold: 3,
      ComparisonOperator: 'LessThanThreshold',
    };
    const alarms = [foreign('orders GET traffic', simple), foreign('orders 5xx', whole)];
    const pulled = pull({}, alarms, stages);
    expect(pulled.leftOut).toEqual([]);
    expect(planned({}, pulled, alarms, stages).map((change) => 'fields' in change && change.fields)).toEqual([
      [],
      [],
    ]);
    // An anomaly band has no threshold, which the format asks for: it is said, not bent.
    const banded = pull({}, [foreign('orders GET band', math)], stages);
    expect(banded.files).toEqual([]);
    expect(banded.leftOut[0]?.why).toContain('Threshold');
  });

  it('leaves out, with the reason, what no stage of the inventory is about and what a folder would change', () => {
    const elsewhere = foreign('gone-5xx', errorsOf('gone'));
    const queue = foreign('queue', { ...errorsOf('orders'), Namespace: 'AWS/SQS' });
    const composite = foreign(
      'both',
      { AlarmRule: 'ALARM(gone-5xx) AND ALARM(x) OR ALARM(y)' },
      'composite_alarm',
    );
    // No such period exists in the format, and the others are pulled all the same.
    const odd = foreign('orders-odd', errorsOf('orders', { Period: 90 }));
    const both = pull({}, [odd, foreign('orders-prod-5xx', errorsOf('orders'))], stages);
    expect(both.files.map(({ alarms }) => alarms)).toEqual([1]);
    expect(both.leftOut).toMatchObject([{ alarm: odd, why: expect.stringContaining('Period') }]);
    const pulled = pull({}, [elsewhere, queue, composite], stages);
    expect(pulled.files).toEqual([]);
    expect(pulled.leftOut.map(({ alarm, why }) => [alarm.key.name, why])).toEqual([
      ['gone-5xx', 'no stage of this inventory is gone/prod'],
      ['queue', 'it reads no metric of API Gateway'],
      ['both', expect.stringContaining('rule')],
    ]);
    const defaults = {
      '_defaults.yaml':
        'apiVersion: gatewatch/v1\nkind: Defaults\nmetadata: { name: d }\nspec: { alarm: { WarmUpConfiguration: { WarmUpPeriodDurationInMinutes: 5 } } }\n',
    };
    const bent = pull(defaults, [foreign('orders-prod-5xx', errorsOf('orders'))], stages);
    expect(bent.leftOut[0]?.why).toContain('WarmUpConfiguration would be');
  });

  it('names children of a composite by their ids where they are pulled with it, and by address elsewhere', () => {
    const alarms = [
      {
        ...foreign('impact', { AlarmRule: 'ALARM(orders-prod-5xx) OR ALARM("cpu high")' }, 'composite_alarm'),
        children: ['orders-prod-5xx', 'cpu high'],
      },
      foreign('orders-prod-5xx', errorsOf('orders')),
    ].map((alarm) =>
      // As an observation gives it: the rule in one form, whoever wrote it.
      alarm.key.name === 'impact'
        ? { ...alarm, properties: { AlarmRule: 'ALARM("orders-prod-5xx") OR ALARM("cpu high")' } }
        : alarm,
    );
    const pulled = pull({}, alarms, stages);
    expect(pulled.leftOut).toEqual([]);
    expect(pulled.files[0]?.text).toContain(
      'rule: ALARM("5xx") OR ALARM("arn:aws:cloudwatch:${each.region}:${each.account}:alarm:cpu high")',
    );
    const changes = planned({}, pulled, alarms, stages);
    expect(changes.map((change) => 'fields' in change && change.fields)).toEqual([[], []]);
  });
});
