import { describe, expect, it } from 'vitest';
import { readDescription } from '../../src/alarms/describe-alarm.ts';
import { type Expansion, expandAlarms } from '../../src/alarms/expand-alarms.ts';
import { holds, parseRule } from '../../src/evaluate/composite-rule.ts';
import { ERRORS, exampleFiles, expand, filesOf, setWith, stage } from './files.ts';

function alarmOf(expansion: Expansion, id: string) {
  const found = expansion.instances.find((instance) => instance.id === id);
  if (found === undefined)
    throw new Error(`no ${id} among ${expansion.instances.map((one) => one.id).join(', ')}`);
  return found;
}

const ROUTING = {
  'routing.yaml': `apiVersion: gatewatch/v1
kind: Routing
metadata: { name: r }
spec:
  receivers:
    - { name: oncall, sns: "arn:aws:sns:\${each.region}:\${each.account}:oncall", on: [ALARM, OK] }
    - { name: team-a, sns: "arn:aws:sns:eu-west-1:111122223333:a" }
    - { name: nobody }
  route:
    receiver: nobody
    routes:
      - { matchers: ['severity="page"'], receiver: oncall, continue: true }
      - { matchers: ['team=~"payments|orders"', 'severity!="info"'], receiver: team-a }
`,
};

describe('expandAlarms', () => {
  it('resolves a portable metric for each protocol, always with the stage', () => {
    const { instances } = expand(
      setWith(ERRORS),
      stage('orders'),
      stage('pay', { protocol: 'HTTP' }),
      stage('chat', { protocol: 'WEBSOCKET' }),
    );
    expect(
      instances.map(({ resource }) => [resource.properties.MetricName, resource.properties.Dimensions]),
    ).toEqual([
      [
        '5XXError',
        [
          { Name: 'ApiName', Value: 'orders' },
          { Name: 'Stage', Value: 'prod' },
        ],
      ],
      [
        '5xx',
        [
          { Name: 'ApiId', Value: 'id-pay' },
          { Name: 'Stage', Value: 'prod' },
        ],
      ],
      [
        'ExecutionError',
        [
          { Name: 'ApiId', Value: 'id-chat' },
          { Name: 'Stage', Value: 'prod' },
        ],
      ],
    ]);
  });

  it('layers defaults of folders, set, preset, alarm and overrides, and knows where each field came from', () => {
    const defaults = (name: string, period: number) =>
      `apiVersion: gatewatch/v1\nkind: Defaults\nmetadata: { name: ${name} }\nspec:\n  alarm:\n    Period: ${period}\n    Threshold: 1\n`;
    const set = `apiVersion: gatewatch/v1
kind: AlarmSet
metadata: { name: core }
spec:
  for_each: { source: stages }
  vars: { limit: 4000 }
  alarms:
    - id: p99
      use: apigw/latency-p99
      Threshold: \${vars.limit}
  overrides:
    - match: { name: "slow-*" }
      vars: { limit: 9000 }
      alarms: { p99: { DatapointsToAlarm: 2, annotations: { summary: slow by nature } } }
`;
    const files = {
      '_defaults.yaml': defaults('top', 120),
      'team/_defaults.yaml': defaults('team', 180),
      'team/core.yaml': set,
    };
    const expansion = expand(files, stage('orders'), stage('slow-reports'));
    const { resource } = alarmOf(expansion, 'core/p99[orders/prod]');
    expect(resource.properties).toMatchObject({
      Period: 300,
      Threshold: 4_000,
      DatapointsToAlarm: 3,
      ExtendedStatistic: 'p99',
    });
    expect(resource.origins.Period).toEqual({ file: 'preset apigw/latency-p99', line: 0 });
    expect(resource.origins.Threshold).toEqual({ file: 'team/core.yaml', line: 10 });
    const slow = alarmOf(expansion, 'core/p99[slow-reports/prod]');
    expect(slow.resource.properties).toMatchObject({ Threshold: 9_000, DatapointsToAlarm: 2 });
    expect(slow.resource.origins.DatapointsToAlarm).toEqual({ file: 'team/core.yaml', line: 14 });
    expect(slow.annotations).toEqual({ summary: 'slow by nature' });
  });

  it('turns a guard into metric math that CloudWatch and the evaluator read alike', () => {
    const { instances } = expand(setWith(ERRORS.replace(' }', ', min_samples: 20 }')), stage('orders'));
    const [instance] = instances;
    expect(instance?.resource.properties).not.toHaveProperty('MetricName');
    expect(instance?.resource.properties.Metrics).toMatchObject([
      {
        Id: 'value',
        MetricStat: { Stat: 'Average', Period: 60, Metric: { MetricName: '5XXError' } },
        ReturnData: false,
      },
      {
        Id: 'count',
        MetricStat: { Stat: 'SampleCount', Metric: { MetricName: 'Count' } },
        ReturnData: false,
      },
      { Id: 'result', Expression: 'IF(count >= 20, value)', ReturnData: true },
    ]);
    expect(instance?.model).toMatchObject({ kind: 'metric', expression: 'IF(count >= 20, value)' });
  });

  it('makes a metric filter for what CloudWatch has no metric for, of this stage only', () => {
    const failures = ERRORS.replace('errors.server', 'auth.failures').replace('Average', 'Sum');
    const { resources, instances } = expand(setWith(failures), stage('orders'));
    const [filter, alarm] = resources;
    expect(filter).toMatchObject({
      key: {
        type: 'metric_filter',
        logGroup: '/apigw/sample',
        name: 'gatewatch/default/auth.failures/id-orders/prod',
      },
      properties: {
        filterPattern:
          '{ ($.apiId = "id-orders") && ($.stage = "prod") && (($.responseType = "AUTHORIZER_FAILURE") || ($.responseType = "AUTHORIZER_CONFIGURATION_ERROR")) }',
      },
    });
    expect(alarm?.properties).toMatchObject({
      Namespace: 'Gatewatch/ApiGateway',
      MetricName: 'auth.failures/id-orders/prod',
    });
    expect(instances).toHaveLength(1);
  });

  it.each([
    ['no access log', { accessLogGroup: undefined }, /writes no access log/],
    ['a format that is not JSON', { accessLogFormat: '$context.requestId $context.status' }, /is not JSON/],
    [
      'a format without the field',
      { accessLogFormat: '{"apiId":"$context.apiId","stage":"$context.stage"}' },
      /no \$context\.error\.responseType/,
    ],
    [
      'a format that cannot tell stages apart',
      { accessLogFormat: '{"r":"$context.error.responseType"}' },
      /lacks \$context\.apiId/,
    ],
  ])('refuses a signal on a stage with %s, saying why', (_, change, reason) => {
    const failures = ERRORS.replace('errors.server', 'auth.failures').replace('Average', 'Sum');
    const { accessLogGroup, ...rest } = stage('orders');
    const changed = {
      ...rest,
      ...('accessLogGroup' in change ? {} : { accessLogGroup }),
      ...('accessLogFormat' in change ? change : {}),
    };
    const { refusals, resources } = expand(setWith(failures), changed as ReturnType<typeof stage>);
    expect(resources).toEqual([]);
    expect(refusals).toMatchObject([
      { id: 'core/errors[orders/prod]', reason: expect.stringMatching(reason), file: 'core.yaml', line: 7 },
    ]);
  });

  it('refuses a count where a line without some value is no JSON, and has the worker publish it instead', () => {
    const failures = ERRORS.replace('errors.server', 'auth.failures').replace('Average', 'Sum');
    const format =
      '{"apiId":"$context.apiId","stage":"$context.stage","s":$context.status,"r":"$context.error.responseType","l":$context.integration.latency}';
    const bare = stage('orders', { accessLogFormat: format });
    const { refusals } = expand(setWith(failures), bare);
    expect(refusals[0]?.reason).toMatch(
      /writes \$context\.integration\.latency without quotes.*alarms\.publish: \[auth\.failures\]/,
    );
    const quoted = format.replace('$context.integration.latency', '"$context.integration.latency"');
    expect(expand(setWith(failures), stage('orders', { accessLogFormat: quoted })).refusals).toEqual([]);
    const files = { ...filesOf(setWith(failures)), published: new Set(['auth.failures'] as const) };
    const published = expandAlarms(files, { stages: [bare], complete: true });
    expect(published.resources.map(({ key }) => key.type)).toEqual(['metric_alarm']);
    expect(published.resources[0]?.properties).toMatchObject({
      Namespace: 'Gatewatch/ApiGateway',
      MetricName: 'auth.failures',
      Dimensions: [
        { Name: 'ApiId', Value: 'id-orders' },
        { Name: 'Stage', Value: 'prod' },
      ],
    });
  });

  it('refuses a quoted number as a value: whether CloudWatch takes one is not documented', () => {
    const latency =
      '{ id: slow, metric: auth.latency, ExtendedStatistic: p95, Threshold: 1000, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 3 }';
    const quoted = '{"apiId":"$context.apiId","stage":"$context.stage","l":"$context.authorizer.latency"}';
    const { refusals } = expand(setWith(latency), stage('orders', { accessLogFormat: quoted }));
    expect(refusals[0]?.reason).toMatch(/stands in quotes/);
    const { resources } = expand(
      setWith(latency),
      stage('orders', {
        accessLogFormat: quoted.replace('"$context.authorizer.latency"', '$context.authorizer.latency'),
      }),
    );
    expect(resources[0]?.properties.metricTransformations).toMatchObject([{ metricValue: '$.l' }]);
  });

  it('writes composites over ids of the set, drops children a stage does not have, and leaves out one that has none', () => {
    const rule = `{ id: impact, rule: "ALARM(errors) OR ALARM(auth)", severity: page }
    - ${ERRORS}
    - { id: auth, metric: errors.client, Statistic: Average, Threshold: 0.1, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 1, when: "\${size(each.authorizers) > 0}" }`;
    const expansion = expand(setWith(rule), stage('orders'), stage('open', { authorizers: {} }));
    const full = alarmOf(expansion, 'core/impact[orders/prod]').resource;
    expect(full.properties.AlarmRule).toBe(
      'ALARM("core/orders/prod/errors") OR ALARM("core/orders/prod/auth")',
    );
    expect(full.children).toEqual(['core/orders/prod/errors', 'core/orders/prod/auth']);
    expect(alarmOf(expansion, 'core/impact[open/prod]').resource.properties.AlarmRule).toBe(
      'ALARM("core/open/prod/errors")',
    );
    const lonely = expand(
      setWith(
        '{ id: impact, rule: "ALARM(errors)", severity: page }\n    - { id: errors, use: apigw/integration-error-ratio }',
      ),
      stage('orders'),
    );
    expect(lonely.instances).toEqual([]);
    expect(lonely.problems).toEqual([]);
  });

  it('tells a typo in a rule with what it could have been', () => {
    const { problems } = expand(
      setWith(`{ id: impact, rule: "ALARM(erors)" }\n    - ${ERRORS}`),
      stage('orders'),
    );
    expect(problems).toMatchObject([
      { file: 'core.yaml', line: 7, got: 'erors', remedy: 'did you mean errors?' },
    ]);
  });

  it('says who owns an alarm and where its runbook is, where people and the follower read it', () => {
    const annotated = ERRORS.replace(
      ' }',
      ', annotations: { summary: "${each.api.name} fails", runbook_url: "https://r.example/x" } }',
    );
    const { resource } = alarmOf(expand(setWith(annotated), stage('orders')), 'core/errors[orders/prod]');
    expect(readDescription(String(resource.properties.AlarmDescription))).toEqual({
      id: 'core/errors[orders/prod]',
      summary: 'orders fails',
      owner: 'payments',
      runbook: 'https://r.example/x',
    });
    expect(resource.tags).toMatchObject({
      team: 'payments',
      owner: 'payments',
      api: 'orders',
      stage: 'prod',
      runbook: 'https://r.example/x',
    });
  });

  it('routes by labels: the first that fits, and on where it continues', () => {
    const paging = ERRORS.replace(' }', ', severity: page }');
    const { receivers, resource } = alarmOf(
      expand({ ...setWith(paging), ...ROUTING }, stage('orders')),
      'core/errors[orders/prod]',
    );
    expect(receivers.map(({ name }) => name)).toEqual(['oncall', 'team-a']);
    expect(resource.properties).toMatchObject({
      AlarmActions: ['arn:aws:sns:eu-west-1:111122223333:oncall', 'arn:aws:sns:eu-west-1:111122223333:a'],
      OKActions: ['arn:aws:sns:eu-west-1:111122223333:oncall'],
    });
    const child = alarmOf(
      expand({ ...setWith(ERRORS), ...ROUTING }, stage('orders')),
      'core/errors[orders/prod]',
    );
    expect(child.receivers.map(({ name }) => name)).toEqual(['nobody']);
    expect(child.resource.properties).not.toHaveProperty('AlarmActions');
  });

  it('takes an empty selection for a typo, and an API tagged gatewatch/ignore for none of its business', () => {
    const none = expand(setWith(ERRORS));
    expect(none.problems).toMatchObject([{ severity: 'error', got: 'none' }]);
    const ignored = expand(setWith(ERRORS), stage('a'), stage('b', { tags: { 'gatewatch/ignore': 'yes' } }));
    expect(ignored.instances.map(({ id }) => id)).toEqual(['core/errors[a/prod]']);
  });

  it('names two APIs of one name apart and refuses alarms of one name', () => {
    const twins = [stage('orders', { apiId: 'one' }), stage('orders', { apiId: 'two' })];
    expect(expand(setWith(ERRORS), ...twins).instances.map(({ id }) => id)).toEqual([
      'core/errors[orders/prod@one]',
      'core/errors[orders/prod@two]',
    ]);
    const defaults = {
      '_defaults.yaml':
        'apiVersion: gatewatch/v1\nkind: Defaults\nmetadata: { name: d }\nspec: { nameTemplate: "${alarm.id}" }\n',
    };
    const { problems } = expand({ ...setWith(ERRORS), ...defaults }, stage('a'), stage('b'));
    expect(problems).toMatchObject([{ expected: 'a name that no other alarm has' }]);
  });

  it('says which expression cannot be evaluated and where it stands', () => {
    const { problems } = expand(setWith(ERRORS.replace('0.05', '"${vars.limt}"')), stage('orders'));
    expect(problems).toMatchObject([{ file: 'core.yaml', line: 7, got: expect.stringContaining('limt') }]);
  });

  it('makes burn-rate alarms of an objective: two windows a pair, one composite a severity', () => {
    const expansion = expand(exampleFiles(), stage('orders-api'));
    const long = alarmOf(expansion, 'orders-burn/page-quick-long[orders-api/prod]').model;
    const short = alarmOf(expansion, 'orders-burn/page-quick-short[orders-api/prod]').model;
    expect(long).toMatchObject({
      settings: { periodMs: 3_600_000, threshold: 0.0144, evaluationPeriods: 1 },
    });
    expect(short).toMatchObject({ settings: { periodMs: 300_000, threshold: 0.0144 } });
    const composite = alarmOf(expansion, 'orders-burn/page-burn[orders-api/prod]');
    expect(composite.severity).toBe('page');
    const rule = parseRule(String(composite.resource.properties.AlarmRule));
    const inAlarm = (...ids: readonly string[]) =>
      holds(rule, (name) => (ids.some((id) => name.endsWith(id)) ? 'ALARM' : 'OK'));
    expect(inAlarm('page-quick-long', 'page-quick-short')).toBe(true);
    expect(inAlarm('page-quick-long', 'page-slow-short')).toBe(false);
  });

  it('refuses a burn rate that no error ratio can reach', () => {
    const files = exampleFiles();
    const slo = Object.fromEntries(
      Object.entries(files).map(([name, text]) => [name, text.replace('target: 0.999', 'target: 0.9')]),
    );
    const { problems } = expand(slo, stage('orders-api'));
    expect(problems.map(({ got }) => got)).toContain('a threshold of 1.44, which no error ratio can cross');
  });

  it('gives every stage of every protocol its pack, with one alarm that pages', () => {
    const expansion = expand(
      exampleFiles(),
      stage('orders-api'),
      stage('pay', { protocol: 'HTTP' }),
      stage('chat', { protocol: 'WEBSOCKET' }),
      stage('partner-api', { stage: 'beta' }),
    );
    expect(expansion.problems).toEqual([]);
    for (const key of ['orders-api/prod', 'pay/prod', 'chat/prod']) {
      const core = expansion.instances.filter(({ set, each }) => set === 'core' && each.key === key);
      expect(core.filter(({ severity }) => severity === 'page').map(({ alarm }) => alarm)).toEqual([
        'user-impact',
      ]);
      expect(core.length).toBeGreaterThanOrEqual(7);
    }
  });
});
