import { type LoadConfigResult, loadConfig } from '../../src/config/load-config.ts';

export const KEY_TEXT = 'k'.repeat(32);
export const HEC_TOKEN = 'hec-canary-1f2e3d4c';

/** A file with every section a user must write, and one of most others. */
export const EXAMPLE_CONFIG = `version: 1
accounts:
  central: { accountId: "111122223333", regions: [eu-west-1] }
  identity:
    accountId: "444455556666"
    regions: [eu-west-1]
    roleArn: arn:aws:iam::444455556666:role/gatewatch
    externalId: \${env:EXTERNAL_ID}
inventory: { include: [{ name: "orders-*" }], exclude: [{ stage: test }] }
authorizers:
  - match: { name: legacy-* }
    logGroup: { account: identity, region: eu-west-1, name: /custom/authz }
    preset: custom
    fields: { decision: { path: [decision, effect] }, reason: { key: why } }
metrics:
  period: 60s
  settle: 3m
redaction:
  keys: [{ id: k1, secret: "\${file:pseudonym.key}" }]
sinks:
  splunk-main: { type: splunk_hec, url: "https://splunk.example.com:8088", token: "\${file:hec.token}", index: apigw }
  dynatrace: { type: dynatrace_otlp, url: "https://abc.live.dynatrace.com/api/v2/otlp", token: "\${env:DT_TOKEN}" }
`;

export function exampleFiles(): Map<string, string> {
  return new Map([
    ['/etc/gatewatch/pseudonym.key', `${KEY_TEXT}\n`],
    ['/etc/gatewatch/hec.token', `${HEC_TOKEN}\n`],
  ]);
}

export function loadText(
  text: string,
  surroundings: { readonly env?: Record<string, string>; readonly files?: ReadonlyMap<string, string> } = {},
): LoadConfigResult {
  const files = surroundings.files ?? exampleFiles();
  return loadConfig({
    path: 'gatewatch.yaml',
    folder: '/etc/gatewatch',
    text,
    env: surroundings.env ?? { EXTERNAL_ID: 'ext-1', DT_TOKEN: 'dt-canary-9a8b7c6d' },
    readFile: (path) => {
      const content = files.get(path);
      if (content === undefined) throw new Error(`ENOENT: no such file, open '${path}'`);
      return content;
    },
  });
}

export function loadedConfig(text = EXAMPLE_CONFIG) {
  const result = loadText(text);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result;
}

export function problemsOf(result: LoadConfigResult) {
  return result.ok ? [] : result.problems;
}
