import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SIGNAL_NAMESPACE } from '../../src/alarms/signal-rule.ts';

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}

const AWS = new URL('../../src/aws/', import.meta.url);
const STATEMENTS: readonly Statement[] = JSON.parse(
  readFileSync(new URL('../../deploy/puller-policy.json', import.meta.url), 'utf8'),
).Statement;

/** Which permission each call of the code needs. GetCallerIdentity needs none; all of API Gateway's listings are GETs. */
const NEEDS: Readonly<Record<string, string | undefined>> = {
  FilterLogEvents: 'logs:FilterLogEvents',
  DescribeLogGroups: 'logs:DescribeLogGroups',
  GetMetricData: 'cloudwatch:GetMetricData',
  ListMetrics: 'cloudwatch:ListMetrics',
  GetRestApis: 'apigateway:GET',
  GetResources: 'apigateway:GET',
  GetApis: 'apigateway:GET',
  GetRoutes: 'apigateway:GET',
  GetStages: 'apigateway:GET',
  GetAuthorizers: 'apigateway:GET',
  GetCallerIdentity: undefined,
};

/** Files whose calls only `gatewatch alarms` makes, under a role of its own (deployer-policy.json). */
const ALARM_FILES = new Set([
  'alarm-clients.ts',
  'integrations.ts',
  'metric-filters.ts',
  'mute-rules.ts',
  'topics.ts',
]);

/** What only a worker that publishes signals calls (publishing-policy.json). */
const PUBLISHING_FILES = new Set(['metric-publisher.ts']);

function callsInCode(isAlarms = false): string[] {
  return callsIn((name) => ALARM_FILES.has(name) === isAlarms && !PUBLISHING_FILES.has(name));
}

function callsIn(isWanted: (name: string) => boolean): string[] {
  const names = readdirSync(AWS).filter(isWanted);
  const texts = names.map((name) => readFileSync(new URL(name, AWS), 'utf8'));
  const calls = texts.flatMap((text) =>
    [...text.matchAll(/new (\w+)Command\(/g)].map(([, name]) => name ?? ''),
  );
  return [...new Set(calls)].sort();
}

function actions(effect: Statement['Effect']): string[] {
  return STATEMENTS.filter((statement) => statement.Effect === effect).flatMap(({ Action }) => Action);
}

test('the policy of the reading role allows what the code calls and nothing else', () => {
  expect(callsInCode()).toEqual(Object.keys(NEEDS).sort());
  const needed = new Set(Object.values(NEEDS).filter((action) => action !== undefined));
  expect(actions('Allow').sort()).toEqual([...needed, 'kms:Decrypt'].sort());
});

/** Everything else the alarm commands call is a permission of its own name. */
const ALARM_SERVICES: Readonly<Record<string, string>> = {
  GetResources: 'tag',
  GetTopicAttributes: 'sns',
  PutMetricFilter: 'logs',
  DeleteMetricFilter: 'logs',
  DescribeMetricFilters: 'logs',
};

function permissionOf(name: string): string {
  return name === 'GetIntegrations' ? 'apigateway:GET' : `${ALARM_SERVICES[name] ?? 'cloudwatch'}:${name}`;
}

function allowedBy(file: string): string[] {
  const policy: { Statement: readonly Statement[] } = JSON.parse(
    readFileSync(new URL(`../../deploy/${file}`, import.meta.url), 'utf8'),
  );
  return policy.Statement.flatMap(({ Action }) => Action).sort();
}

test('the policy of the deploying role allows what `gatewatch alarms` calls and nothing else', () => {
  expect(allowedBy('deployer-policy.json')).toEqual(callsInCode(true).map(permissionOf).sort());
});

test('the policy for following alarms and for drift allows what of that only reads', () => {
  // Who is behind a topic is asked by `gatewatch alarms coverage`, never by the worker.
  const reads = callsInCode(true).filter(
    (name) => /^(Describe|List|Get)/.test(name) && name !== 'GetTopicAttributes',
  );
  expect(allowedBy('alarms-reading-policy.json')).toEqual(reads.map(permissionOf).sort());
});

test('the policy for publishing signals allows that, in the namespace of our own metrics only', () => {
  expect(allowedBy('publishing-policy.json')).toEqual(
    callsIn((name) => PUBLISHING_FILES.has(name)).map(permissionOf),
  );
  const text = readFileSync(new URL('../../deploy/publishing-policy.json', import.meta.url), 'utf8');
  const [statement] = JSON.parse(text).Statement;
  expect(statement.Condition).toEqual({ StringEquals: { 'cloudwatch:namespace': SIGNAL_NAMESPACE } });
});

test('the policy denies what would unmask or change logs, whatever else is attached', () => {
  const denied = STATEMENTS.find((statement) => statement.Effect === 'Deny');
  expect(denied?.Action).toEqual(['logs:Unmask', 'logs:Put*', 'logs:Delete*', 'logs:StartQuery']);
  expect(denied?.Resource).toBe('*');
});

test('API keys, whose listing can hold their values, are out of reach', () => {
  const resources = STATEMENTS.filter(({ Action }) => Action === 'apigateway:GET').flatMap(
    ({ Resource }) => Resource,
  );
  expect(resources).toHaveLength(8);
  for (const resource of resources) {
    expect(resource).toMatch(/::\/(restapis|apis)(\/\*\/(stages|authorizers|resources|routes))?$/);
  }
});
