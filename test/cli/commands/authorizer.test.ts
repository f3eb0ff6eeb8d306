import { describe, expect, it } from 'vitest';
import { authorizerCommand } from '../../../src/cli/commands/authorizer.ts';
import { contextFor, filesFrom, nothingPrinted } from '../../support/cli-context.ts';

const ID = '6c1b4f6e-0d6a-4f0c-9a53-7f1d1e1a2b3c';
const AT = '2026-11-22T10:00:00.123Z';
const SAMPLE = [
  'INIT_START Runtime Version: nodejs:24.v12',
  `START RequestId: ${ID} Version: $LATEST`,
  `${AT}\t${ID}\tINFO\tdecision=Deny reason=expired principalId=svc-9`,
  `${AT}\tundefined\tINFO\tloading`,
  `REPORT RequestId: ${ID}\tDuration: 2.00 ms`,
].join('\n');
const PIPE = `${AT}|AUTHZ|rid=${ID}|verdict=REFUSED|sub=svc-9|org=C-12|why=too late`;
const CONFIG = `version: 1
accounts:
  central: { accountId: "111122223333", regions: [eu-west-1] }
authorizers:
  - match: { name: "billing-*" }
    preset: custom
    fields:
      lambdaRequestId: { key: rid }
      decision: { key: verdict }
      deny: [REFUSED]
      principal: { key: sub }
      customer: { key: org }
      reason: { key: why }
redaction: { keys: [{ id: k1, secret: "\${env:KEY}" }] }
journal: { path: gatewatch.db }
sinks:
  splunk: { type: splunk_hec, url: "https://splunk.example.com:8088", token: "\${env:TOKEN}", index: apigw }
`;

async function run(files: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const printed = nothingPrinted();
  const context = contextFor(printed, {
    env: { KEY: '0123456789abcdef0123456789abcdef', TOKEN: '00000000-0000-4000-8000-000000000000' },
    cwd: '/home/sre',
    ...filesFrom(new Map(Object.entries(files))),
  });
  const command = authorizerCommand(context).exitOverride();
  await command.parseAsync(['try', ...args], { from: 'user' });
  return printed.out + printed.err;
}

describe('gatewatch authorizer try', () => {
  it('shows what stands in each line and what was found nowhere', async () => {
    const out = await run({ '/home/sre/sample.log': SAMPLE }, 'sample.log');
    const rows = out.split('\n').map((row) => row.split(/ {2,}/));
    expect(rows[0]?.slice(0, 4)).toEqual(['line', 'is', 'invocation', 'decision']);
    expect(rows[1]).toEqual(['1', 'filtered', 'init_start']);
    expect(rows[3]).toEqual(['3', 'application', '6c1b4f6e', 'deny', 'expired', 'svc-9', '-', '-']);
    expect(rows[4]).toEqual(['4', 'unparsed', 'application line outside any invocation']);
    expect(out).toContain('5 lines: 3 of 1 invocations, 1 filtered, 1 unparsed.');
    expect(out).toContain('Found nowhere: customer, gatewayRequestId, connectionId.');
  });

  it('reads standard input under a named preset', async () => {
    const out = await run({ '/dev/stdin': `${PIPE}\n` }, '-', '--preset', 'text');
    expect(out).toContain('1 lines: 0 of 0 invocations, 0 filtered, 1 unparsed.');
    expect(out).toContain('Without a decision');
  });

  it('tries the entry of the configuration that matches the name', async () => {
    const files = { '/home/sre/pipe.log': PIPE, '/home/sre/gatewatch.yaml': CONFIG };
    const out = await run(files, 'pipe.log', '--name', 'billing-authorizer');
    expect(out).toMatch(/1 +application +6c1b4f6e +deny +too late +svc-9 +C-12 +-/);
  });

  it('says so when no entry matches, and when a name is missing', async () => {
    const files = { '/home/sre/pipe.log': PIPE, '/home/sre/gatewatch.yaml': CONFIG };
    expect(await run(files, 'pipe.log', '--name', 'other')).toContain('No entry of `authorizers:`');
    await expect(run(files, 'pipe.log', '--config', 'gatewatch.yaml')).rejects.toThrow(
      'Expected --name or --function',
    );
    await expect(run(files, 'nowhere.log')).rejects.toThrow('Expected to read nowhere.log');
  });
});
