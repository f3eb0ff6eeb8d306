import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { formatProblem } from '../../src/documents/problem.ts';
import {
  EXAMPLE_CONFIG,
  exampleFiles,
  HEC_TOKEN,
  loadedConfig,
  loadText,
  problemsOf,
} from './example-config.ts';

test('a complete file loads with defaults, durations in milliseconds and secrets that do not print', () => {
  const { config, warnings } = loadedConfig();
  expect(config.metrics).toMatchObject({ period: 60_000, settle: 180_000, revisit: 900_000 });
  expect(config.metrics.statistics.latency).toEqual(['p50', 'p95', 'p99', 'Average', 'SampleCount']);
  expect(config.logs.rereads).toEqual([300_000, 3_600_000, 86_400_000]);
  expect(config.server).toEqual({ host: '127.0.0.1', port: 9464 });
  expect(config.accounts.identity?.externalId).toBe('ext-1');
  expect(config.sinks['splunk-main']?.token.reveal()).toBe(HEC_TOKEN);
  expect(inspect(config, { depth: 9 }) + JSON.stringify(config)).not.toMatch(/canary|kkkk/);
  expect(warnings).toEqual([]);
});

test('paths of the journal are relative to the configuration file', () => {
  expect(loadedConfig().config.journal.path).toBe('/etc/gatewatch/gatewatch.db');
  const absolute = `${EXAMPLE_CONFIG}journal: { path: /var/lib/gatewatch.db }\n`;
  expect(loadedConfig(absolute).config.journal.path).toBe('/var/lib/gatewatch.db');
});

test('a secret reads its file again on refresh, and keeps the old text when the file is gone', () => {
  const files = exampleFiles();
  const loaded = loadText(EXAMPLE_CONFIG, { files, env: { EXTERNAL_ID: 'e', DT_TOKEN: 'd' } });
  if (!loaded.ok) throw new Error('expected the example to load');
  const token = loaded.config.sinks['splunk-main']?.token;
  expect(token?.refresh()).toBe(false);
  files.set('/etc/gatewatch/hec.token', 'rotated\n');
  expect(token?.refresh()).toBe(true);
  expect(token?.reveal()).toBe('rotated');
  files.delete('/etc/gatewatch/hec.token');
  expect(() => token?.refresh()).toThrow(/hec\.token/);
  expect(token?.reveal()).toBe('rotated');
  expect(loaded.referencedFiles).toEqual(['/etc/gatewatch/pseudonym.key', '/etc/gatewatch/hec.token']);
});

test('a secret file caught empty during its rotation does not become the token', () => {
  const files = exampleFiles();
  const loaded = loadText(EXAMPLE_CONFIG, { files });
  if (!loaded.ok) throw new Error('expected the example to load');
  const token = loaded.config.sinks['splunk-main']?.token;
  files.set('/etc/gatewatch/hec.token', '');
  expect(() => token?.refresh()).toThrow(/the earlier text stays in use/);
  expect(token?.reveal()).toBe(HEC_TOKEN);
});

test('five different mistakes are five problems, each with its line and a remedy', () => {
  const text = EXAMPLE_CONFIG.replace('metrics:', 'metrcs: {}\nmetrics:')
    .replace('period: 60s', 'period: 60 seconds')
    .replace('regions: [eu-west-1] }', 'regions: eu-west-1 }')
    .replace('${env:DT_TOKEN}', '${env:DT_TOKNE}')
    .replace('type: splunk_hec', 'type: splunk_hek');
  expect(problemsOf(loadText(text)).map(formatProblem)).toEqual([
    'gatewatch.yaml:3:50  accounts.central.regions  expected a list: Regions to read in this account, got a text (***); for example ["eu-west-1"]',
    expect.stringMatching(
      /^gatewatch\.yaml:15:1 {2}metrcs {2}expected one of .*, got unknown option metrcs; did you mean metrics\?$/,
    ),
    'gatewatch.yaml:17:11  metrics.period  expected a duration such as 90s, 5m or 1h30m, from 1m to 1d, got "60 seconds" (a text); write a number and a unit (ms, s, m, h or d)',
    'gatewatch.yaml:22:24  sinks.splunk-main.type  expected one of splunk_hec, dynatrace_otlp, got "splunk_hek" (a text); did you mean splunk_hec?',
    'gatewatch.yaml:23:96  sinks.dynatrace.token  expected environment variable DT_TOKNE to be set, got no such variable; set DT_TOKNE before starting gatewatch, or did you mean DT_TOKEN?',
  ]);
});

test('an unknown scheme is told apart from a mistyped one', () => {
  const unknown = EXAMPLE_CONFIG.replace('${env:DT_TOKEN}', '${secretsmanager:arn:aws:x}');
  expect(problemsOf(loadText(unknown))).toMatchObject([
    { path: 'sinks.dynatrace.token', got: '${secretsmanager:…}, which is not supported yet' },
  ]);
  const mistyped = EXAMPLE_CONFIG.replace('${env:DT_TOKEN}', '${evn:DT_TOKEN}');
  expect(problemsOf(loadText(mistyped))).toMatchObject([{ remedy: 'did you mean ${env:…}?' }]);
});

test.each([
  ['an unset version', ['version: 1\n', ''], { path: 'version', got: 'nothing', remedy: 'add version: 1' }],
  ['a missing section', [/redaction:\n.*\n/, ''], { path: 'redaction', got: 'nothing' }],
  ['a number where quotes are needed', ['"111122223333"', '111122223333'], { remedy: 'put it in quotes' }],
  [
    'a duration without a unit',
    ['settle: 3m', 'settle: 3'],
    {
      expected:
        'a duration such as 90s or 5m: Age at which a point is believed and delivered, at least the period',
      got: '3 (a number)',
      remedy: 'write a number and a unit (ms, s, m, h or d)',
    },
  ],
  [
    'a duration that is too short',
    ['period: 60s', 'period: 45s'],
    { got: '"45s" (a text)', remedy: 'write one within these bounds' },
  ],
  [
    'a Region that is none',
    ['regions: [eu-west-1]', 'regions: [eu-west]'],
    { path: 'accounts.central.regions[0]', got: '"eu-west" (a text)', remedy: 'for example eu-west-1' },
  ],
  [
    'a period off the minute',
    ['period: 60s', 'period: 90s'],
    { path: 'metrics.period', line: 16, column: 11, expected: 'a multiple of 60 s', got: '1m30s' },
  ],
  ['a settle below the period', ['settle: 3m', 'settle: 30s'], { path: 'metrics.settle', got: '30s' }],
  [
    'an account nobody defined',
    ['account: identity', 'account: identiy'],
    { path: 'authorizers[0].logGroup.account', remedy: 'did you mean identity?' },
  ],
  [
    'an account named by its id',
    ['account: identity', 'account: "444455556666"'],
    { remedy: 'did you mean identity?' },
  ],
  ['no sinks', [/sinks:\n(.*\n)*/, 'sinks: {}\n'], { path: 'sinks', expected: 'at least one sink' }],
  [
    'http across a network',
    ['https://splunk.example', 'http://splunk.example'],
    { path: 'sinks.splunk-main.url', got: 'http to splunk.example.com' },
  ],
  [
    'a sink at the metadata address',
    ['https://splunk.example.com:8088', 'http://169.254.169.254/latest'],
    { got: '169.254.169.254' },
  ],
  [
    'a role in another account',
    ['iam::444455556666', 'iam::444455557777'],
    { path: 'accounts.identity.roleArn' },
  ],
  ['an external id without a role', [/ {4}roleArn.*\n/, ''], { path: 'accounts.identity.externalId' }],
  [
    'one account under two names',
    [/"444455556666"/, '"111122223333"'],
    { path: 'accounts.identity.regions[0]' },
  ],
  [
    'a sink with everything turned off',
    ['index: apigw', 'access: false, authentication: false, metrics: false'],
    { path: 'sinks.splunk-main' },
  ],
  [
    'a bad name for a sink',
    ['splunk-main:', '"splunk main":'],
    { path: 'sinks["splunk main"]', remedy: 'rename it' },
  ],
  [
    'a bad cron expression',
    ['sinks:', 'schedule: { logs: "every minute" }\nsinks:'],
    { path: 'schedule.logs', got: '"every minute" (a text)' },
  ],
  [
    're-reads out of order',
    ['sinks:', 'logs: { rereads: [1h, 5m] }\nsinks:'],
    { path: 'logs.rereads[1]', got: '5m after 1h' },
  ],
  ['an empty value', ['index: apigw', 'index: '], { path: 'sinks.splunk-main.index', got: 'nothing' }],
] as const)('%s is refused at its place', (_, [from, to], expected) => {
  const problems = problemsOf(loadText(EXAMPLE_CONFIG.replace(from, to)));
  expect(problems).toContainEqual(expect.objectContaining(expected));
});

test('http is accepted to this machine, and elsewhere only when asked for', () => {
  const loopback = EXAMPLE_CONFIG.replace('https://splunk.example.com', 'http://localhost');
  expect(loadText(loopback).ok).toBe(true);
  const insecure = EXAMPLE_CONFIG.replace('https://splunk', 'http://splunk').replace(
    'index: apigw',
    'allowInsecure: true',
  );
  expect(loadText(insecure).ok).toBe(true);
});

test('a short pseudonym key is refused without being shown', () => {
  const files = exampleFiles().set('/etc/gatewatch/pseudonym.key', 'too-short\n');
  const problems = problemsOf(loadText(EXAMPLE_CONFIG, { files, env: { EXTERNAL_ID: 'e', DT_TOKEN: 'd' } }));
  expect(problems).toMatchObject([
    { path: 'redaction.keys[0].secret', expected: 'a secret of at least 16 bytes' },
  ]);
  expect(JSON.stringify(problems)).not.toContain('too-short');
});

test('a second key with the id of the first is refused', () => {
  const key = '{ id: k1, secret: "${file:pseudonym.key}" }';
  const problems = problemsOf(loadText(EXAMPLE_CONFIG.replace(`[${key}]`, `[${key}, ${key}]`)));
  expect(problems).toMatchObject([{ path: 'redaction.keys[1].id', got: 'a second "k1"' }]);
});

test.each([
  ['abc12345.live.dynatrace.com/', 'abc12345.live.dynatrace.com/'],
  ['abc12345.apps.dynatrace.com/api/v2/otlp', 'abc12345.apps.dynatrace.com/api/v2/otlp'],
  ['abc12345.live.dynatrace.com/api/v2/otlp/', undefined],
  ['collector.example.com', undefined],
])('an address at Dynatrace that is not of its OTLP endpoint is a warning: %s', (address, got) => {
  const { warnings } = loadedConfig(
    EXAMPLE_CONFIG.replace('https://abc.live.dynatrace.com/api/v2/otlp', `https://${address}`),
  );
  expect(warnings.map((each) => each.got)).toEqual(got === undefined ? [] : [got]);
});

test('a sixth statistic and an open address are warnings, not problems', () => {
  const text = `${EXAMPLE_CONFIG.replace('settle: 3m', 'statistics: { count: [Sum, Average, Minimum, Maximum, SampleCount, p50] }')}server: { host: 0.0.0.0 }\n`;
  const { warnings } = loadedConfig(text);
  expect(warnings.map((each) => [each.severity, each.path])).toEqual([
    ['warning', 'metrics.statistics.count'],
    ['warning', 'server.host'],
  ]);
});

test('mistakes between options are told together with mistakes within one', () => {
  const text = EXAMPLE_CONFIG.replace('period: 60s', 'period: 90s')
    .replace('index: apigw', 'indx: apigw')
    .replace('https://abc', 'http://abc');
  expect(problemsOf(loadText(text)).map((each) => each.path)).toEqual([
    'metrics.period',
    'sinks.splunk-main.indx',
    'sinks.dynatrace.url',
  ]);
});

test('a port may come from the environment as a number', () => {
  const text = `${EXAMPLE_CONFIG}server: { port: \${env:PORT} }\n`;
  const block = text.replace('{ port: ${env:PORT} }', '\n  port: ${env:PORT}');
  const env = { EXTERNAL_ID: 'e', DT_TOKEN: '12345678', PORT: '8080' };
  const loaded = loadText(block, { env });
  expect(loaded).toMatchObject({ ok: true, config: { server: { port: 8080 } } });
  expect(problemsOf(loadText(block, { env: { ...env, PORT: 'http' } }))).toMatchObject([
    { path: 'server.port', got: 'another text behind ${env:PORT}' },
  ]);
});

test('an account id from the environment stays a text', () => {
  const text = EXAMPLE_CONFIG.replace('"111122223333"', '"${env:ACCOUNT}"');
  const env = { EXTERNAL_ID: 'e', DT_TOKEN: 'd', ACCOUNT: '111122223333' };
  expect(loadText(text, { env })).toMatchObject({
    ok: true,
    config: { accounts: { central: { accountId: '111122223333' } } },
  });
});

test('no problem shows a token, wherever it was put by mistake', () => {
  const canary = 'canary-token-5e6f';
  const texts = [
    EXAMPLE_CONFIG.replace('index: apigw', `tokne: ${canary}`),
    EXAMPLE_CONFIG.replace('token: "${file:hec.token}"', `token: [${canary}]`),
    EXAMPLE_CONFIG.replace(/dynatrace: \{.*\}/, `dynatrace: ${canary}`),
    EXAMPLE_CONFIG.replace(
      '"https://splunk.example.com:8088"',
      `"https://user:${canary}@splunk.example.com"`,
    ),
    EXAMPLE_CONFIG.replace('token: "${file:hec.token}"', `token: "x" ${canary}`),
    EXAMPLE_CONFIG.replace('token: "${file:hec.token}"', `token: "${canary}`),
    EXAMPLE_CONFIG.replace('period: 60s', 'period: ${env:CANARY}'),
    EXAMPLE_CONFIG.replace('"${file:pseudonym.key}"', canary.slice(0, 13)),
  ];
  for (const text of texts) {
    const result = loadText(text, { env: { EXTERNAL_ID: 'e', DT_TOKEN: 'd', CANARY: canary } });
    expect(problemsOf(result).length, text).toBeGreaterThan(0);
    expect(problemsOf(result).map(formatProblem).join('\n')).not.toContain(canary.slice(0, 13));
  }
});
