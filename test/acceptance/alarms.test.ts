import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listFilesBelow } from '../../src/cli/alarms/list-files.ts';
import { createSystemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { noFaults, parseFaults } from '../../src/sandbox/faults.ts';
import { type Rehearsal, startRehearsal } from '../../src/sandbox/rehearsal.ts';
import { rehearsalConfig } from '../../src/sandbox/rehearsal-config.ts';
import { REHEARSAL_DYNATRACE_TOKEN, REHEARSAL_HEC_TOKEN } from '../../src/sandbox/rehearsal-secrets.ts';
import { runAlarmsCommand, sandboxAlarmClients, writesOf } from '../alarms/sandbox-clients.ts';
import { pointSdkAt } from '../aws/aws-stub.ts';

const EXAMPLES = fileURLToPath(new URL('../../alarms/', import.meta.url));

let rehearsal: Rehearsal;
let restore: () => void;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gatewatch-alarms-'));
  rehearsal = await startRehearsal({
    seed: 11,
    historyMs: 70 * 60_000,
    ratePerSecond: 4,
    faults: noFaults,
    port: 0,
    frozen: true,
    hostClock: createSystemClock(),
    logger: silentLogger,
    server: { quotas: 'off' },
  });
  restore = pointSdkAt(rehearsal.sandbox.port);
  const secrets = {
    'hec.token': REHEARSAL_HEC_TOKEN,
    'dynatrace.token': REHEARSAL_DYNATRACE_TOKEN,
    'pseudonym.key': 'k'.repeat(40),
  };
  for (const [name, text] of Object.entries(secrets)) writeFileSync(join(folder, name), text);
  writeFileSync(
    join(folder, 'gatewatch.yaml'),
    rehearsalConfig(rehearsal.world, {
      url: rehearsal.sandbox.url,
      journalPath: join(folder, 'gatewatch.db'),
      hecTokenFile: join(folder, 'hec.token'),
      dynatraceTokenFile: join(folder, 'dynatrace.token'),
      pseudonymKeyFile: join(folder, 'pseudonym.key'),
    }),
  );
  for (const name of listFilesBelow(EXAMPLES).filter((path) => path.endsWith('.yaml'))) {
    mkdirSync(dirname(join(folder, 'alarms', name)), { recursive: true });
    writeFileSync(join(folder, 'alarms', name), readFileSync(join(EXAMPLES, name)));
  }
}, 60_000);

afterAll(async () => {
  restore();
  await rehearsal.sandbox.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs one command as the command line does: its output and what the process would exit with. */
const alarms = (...args: readonly string[]) => runAlarmsCommand(folder, () => rehearsal.clock.now(), args);
const writes = () => writesOf(rehearsal.sandbox);

function edit(file: string, change: (text: string) => string): void {
  const path = resolve(folder, 'alarms', file);
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}

describe('gatewatch alarms, the example set against the sandbox', () => {
  it('validates, tests, plans, applies, and then has nothing left to do', async () => {
    expect(await alarms('validate')).toMatchObject({
      code: 0,
      out: expect.stringContaining('files are valid'),
    });
    expect(await alarms('test')).toMatchObject({ code: 0, out: expect.stringContaining(' 0 failed') });
    expect(await alarms('plan', '-o', 'plan.json')).toMatchObject({
      code: 2,
      out: expect.stringContaining(' to add, 0 to change'),
    });
    expect(await alarms('apply', 'plan.json')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Applied '),
    });
    const before = writes();
    expect(before).toBeGreaterThan(100);
    expect(await alarms('plan')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Nothing to change.'),
    });
    expect(await alarms('apply', '--yes')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Nothing to apply.'),
    });
    expect(await alarms('drift')).toMatchObject({ code: 0 });
    expect(writes()).toBe(before);
  });

  it('asks before it applies, and applies nothing without a yes', async () => {
    edit('core.yaml', (text) => text.replace('Threshold: ${vars.p99_ms}', 'Threshold: 4321'));
    const before = writes();
    expect(await alarms('apply')).toMatchObject({ code: 1, err: expect.stringContaining('--yes') });
    expect(writes()).toBe(before);
    expect(await alarms('apply', '--json')).toMatchObject({ code: 1, err: expect.stringContaining('--yes') });
    const applied = await alarms('apply', '--yes', '--json');
    expect(applied.code).toBe(0);
    expect(JSON.parse(applied.out)).toEqual({
      workspace: 'gatewatch',
      // Of an alarm that changes, the tags are a call of their own.
      done: (writes() - before) / 2,
      failures: [],
      skipped: 0,
      left: [],
    });
    expect(await alarms('explain', 'latency-p99[orders-api/prod]')).toMatchObject({
      out: expect.stringMatching(/Threshold +4321 +alarms\/core\.yaml:\d+/),
    });
    const explained = await alarms('explain', '--json', 'latency-p99[orders-api/prod]');
    expect(JSON.parse(explained.out)).toMatchObject({
      id: 'core/latency-p99[orders-api/prod]',
      fields: { Threshold: { value: 4321, from: expect.stringMatching(/^alarms\/core\.yaml:\d+$/) } },
    });
  });

  it('refuses a saved plan when AWS has changed since, and sees the change as drift', async () => {
    edit('core.yaml', (text) => text.replace('4321', '5000'));
    await alarms('plan', '-o', 'stale.json');
    const scope = { account: '111122223333', region: 'eu-west-1', signal: new AbortController().signal };
    const clients = sandboxAlarmClients();
    const name = 'core/orders-api/prod/latency-p99';
    for await (const [alarm] of clients.describeAlarms({ ...scope, names: [name] })) {
      const properties = { ...alarm?.properties, Threshold: 99 };
      await clients.putAlarm({ ...scope, kind: 'metric_alarm', name, properties, tags: {} });
    }
    clients.close();
    expect(await alarms('apply', 'stale.json')).toMatchObject({
      code: 1,
      err: expect.stringContaining('plan again'),
    });
    expect(await alarms('drift')).toMatchObject({
      code: 2,
      out: expect.stringMatching(
        /core\/latency-p99\[orders-api\/prod\].*changed by hand[\s\S]*Threshold +99 in AWS, 5000 in the files/,
      ),
    });
    expect(await alarms('apply', '--yes')).toMatchObject({ code: 0 });
    expect(await alarms('drift')).toMatchObject({ code: 0 });
  });

  it('deletes nothing while a listing of APIs fails, and says why', async () => {
    const before = writes();
    rehearsal.sandbox.replaceFaults(parseFaults('aws-outage'));
    const plan = await alarms('plan');
    rehearsal.sandbox.replaceFaults(noFaults);
    expect(plan.code).toBe(1);
    expect(plan.out).not.toContain('- delete');
    expect(plan.out).toContain('nothing is deleted in 111122223333/eu-west-1');
    expect(writes()).toBe(before);
  });

  it('guards against a selector that suddenly takes nothing', async () => {
    edit('core.yaml', (text) => text.replace('protocol: [REST, HTTP, WEBSOCKET]', 'protocol: [WEBSOCKET]'));
    const refused = await alarms('apply', '--yes');
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('--allow-deletes=') });
    edit('core.yaml', (text) => text.replace('protocol: [WEBSOCKET]', 'protocol: [REST, HTTP, WEBSOCKET]'));
    expect(await alarms('plan')).toMatchObject({ code: 0 });
  });

  it('replays over real metrics: firings where there were, no history where CloudWatch has none', async () => {
    const { out, code } = await alarms('backtest', '--since', '1h', '--json', '--allow-over-budget');
    expect(code).toBe(0);
    const {
      alarms: results,
    }: { alarms: { id: string; outcome: { kind: string; noise?: { firings: number } } }[] } = JSON.parse(out);
    const of = (id: string) => results.find((result) => result.id === id)?.outcome;
    expect(of('core/4xx-ratio[orders-api/prod]')).toMatchObject({ kind: 'replayed' });
    expect(results.some(({ outcome }) => (outcome.noise?.firings ?? 0) > 0)).toBe(true);
    expect(of('core/authorizer-failures[orders-api/prod]')).toEqual({ kind: 'no_history' });
  });

  it('fails on a page budget that is exceeded', async () => {
    edit('_defaults.yaml', (text) => text.replace('pages_per_week: 4', 'pages_per_week: 0'));
    const { code, err } = await alarms('backtest', '--since', '1h');
    expect(code).toBe(1);
    expect(err).toContain('Expected at most 0 pages a week');
  });

  it('tells what is covered and what is not', async () => {
    const { out, code } = await alarms('coverage', '--json');
    const { cells }: { cells: { api: string; expected: string; state: string }[] } = JSON.parse(out);
    const stateOf = (api: string, expected: string) =>
      cells.find((cell) => cell.api === api && cell.expected === expected)?.state;
    expect(stateOf('orders-api', 'errors.server')).toBe('covered');
    expect(stateOf('legacy-api', 'auth.failures')).toBe('missing');
    expect(code).toBe(2);
  });

  it('writes files from what is in AWS: with those instead of ours, there is nothing to change', async () => {
    mkdirSync(join(folder, 'lost'));
    for (const name of ['_defaults.yaml', 'mutes.yaml']) {
      writeFileSync(join(folder, 'lost', name), readFileSync(join(folder, 'alarms', name)));
    }
    expect(await alarms('pull', '--dir', 'lost', '--out', 'lost')).toMatchObject({
      code: 0,
      err: expect.stringContaining(' 0 cannot be said exactly'),
    });
    const again = await alarms('pull', '--dir', 'lost', '--out', 'lost', '--force', '--json');
    expect(JSON.parse(again.out)).toMatchObject({ leftOut: [], files: expect.any(Array) });
    expect(await alarms('validate', '--dir', 'lost')).toMatchObject({ code: 0 });
    expect(await alarms('plan', '--dir', 'lost')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Nothing to change.'),
    });
  });

  it('destroys only what is ours, and only when the workspace is named', async () => {
    const before = writes();
    expect(await alarms('destroy', '--yes', 'other')).toMatchObject({ code: 1 });
    expect(writes()).toBe(before);
    const destroyed = await alarms('destroy', '--yes', 'gatewatch', '--json');
    expect(destroyed.code).toBe(0);
    expect(JSON.parse(destroyed.out)).toMatchObject({ workspace: 'gatewatch', failures: [], skipped: 0 });
    expect(await alarms('plan')).toMatchObject({ code: 2, out: expect.stringMatching(/^.* create /m) });
    const backup: { resources: unknown[] } = JSON.parse(
      readFileSync(join(folder, 'alarms-backup.json'), 'utf8'),
    );
    expect(backup.resources.length).toBeGreaterThan(100);
  });
});
