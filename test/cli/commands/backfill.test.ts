import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AwsClients, createAwsClients } from '../../../src/aws/aws-clients.ts';
import { createBackfillCommand } from '../../../src/cli/commands/backfill.ts';
import { accountSettingsOf } from '../../../src/cli/worker/config-to-settings.ts';
import type { Runtime } from '../../../src/cli/worker/runtime.ts';
import { openOrderDesk } from '../../../src/store/order-desk.ts';
import { type FakeFleet, fakeClients, restApi } from '../../inventory/listing-fake.ts';
import { RehearsedFleet, rowsOf } from '../../pipeline/rehearsed-runtime.ts';
import { contextFor } from '../../support/cli-context.ts';

const HISTORY_TO_MS = Date.UTC(2026, 10, 22, 12, 0, 0);

describe('gatewatch backfill', () => {
  let fleet: RehearsedFleet;
  let stop: AbortController;
  /** Listed in place of the sandbox's. */
  let listing: FakeFleet | undefined;
  const printed = { out: '', err: '', code: 0, questions: 0, asOften: 0 };

  beforeAll(async () => {
    fleet = await RehearsedFleet.start({ minutes: 5, ratePerSecond: 2, historyToMs: HISTORY_TO_MS });
  });
  afterAll(() => fleet.dispose());
  beforeEach(() => {
    Object.assign(printed, { out: '', err: '', code: 0, questions: 0 });
    stop = new AbortController();
    listing = undefined;
  });

  async function run(journal: string, ...args: string[]): Promise<string> {
    let bytes = printed.asOften++;
    const context = contextFor(printed, {
      cwd: fleet.folder,
      now: () => fleet.nowMs,
      readFile: (path) =>
        path.endsWith('gatewatch.yaml') ? fleet.configText(journal) : readFileSync(path, 'utf8'),
      fileExists: () => true,
      randomBytes: (count) => new Uint8Array(count).fill(++bytes),
    });
    const command = createBackfillCommand(context, {
      connect: (config) =>
        listing === undefined
          ? createAwsClients({ ...fleet.deps(), accounts: accountSettingsOf(config) })
          : listingOnly(listing),
      withRuntime: async (_, work) => {
        const runtime = await fleet.runtime(journal);
        await work(runtime).finally(() => runtime.close());
      },
      openDesk: (path) => openOrderDesk(path, fleet.clock),
      confirm: async () => {
        printed.questions += 1;
        return false;
      },
      clock: fleet.clock,
      signal: stop.signal,
      operator: 'ada',
    });
    await command.exitOverride().parseAsync(args, { from: 'user' });
    return printed.out;
  }

  async function ordersOf(journal: string) {
    const desk = await openOrderDesk(join(fleet.folder, journal), fleet.clock);
    return desk.orders().finally(() => desk.close());
  }

  async function besideAWorker(journal: string, work: (runtime: Runtime) => Promise<void>) {
    const runtime = await fleet.runtime(journal);
    const ending = new AbortController();
    const running = runtime.worker.run(ending.signal);
    await work(runtime).finally(() => ending.abort());
    await running;
    await runtime.close();
  }

  it('forecasts calls, billed metrics, dollars, share of the quota and time before it starts', async () => {
    const out = await run('dry.db', '--from', '30m', '--dry-run', '--price-per-thousand-metrics', '10');
    expect(out).toMatch(/111122223333 +eu-west-1 +FilterLogEvents +\d+ +10 +60 %/);
    expect(out).toMatch(/metrics billed +151, \$1\.51 \(at \$10 per 1,000, UNVERIFIED/);
    const cheap = await run('dry.db', '--from', '30m', '--dry-run');
    expect(cheap).toMatch(/metrics billed +151, less than \$0\.01 \(at \$0\.01 per 1,000/);
    expect(out).toMatch(/expected time +at least \d+s/);
    await expect(ordersOf('dry.db')).rejects.toMatchObject({ code: 'journal_missing' });
  });

  it('prints the forecast as one JSON document with --json', async () => {
    const out = await run('dry.db', '--from', '30m', '--dry-run', '--json', '--unit', 'logs:*');
    const said: unknown = JSON.parse(out);
    expect(said).toMatchObject({
      fromMs: fleet.nowMs - 1_800_000,
      toMs: fleet.nowMs,
      unit: 'logs:*',
      goesOn: false,
      series: 0,
      billedMetrics: 0,
      complete: true,
      pricesVerified: false,
    });
    expect(said).toHaveProperty('operations[0].operation', 'FilterLogEvents');
    expect(said).toHaveProperty('expectedMs', expect.any(Number));
  });

  it('exits 3 after a dry run that could not list everything, and says that it is a lower bound', async () => {
    listing = { apis: [restApi('r1', 'orders-api')], failing: ['v2'] };
    const out = await run('dry.db', '--from', '30m', '--dry-run');
    expect(out).toContain('this is a lower bound');
    expect(printed.err).toContain('HTTP and WebSocket APIs: throttled in every attempt');
    expect(printed.code).toBe(3);
    Object.assign(printed, { out: '', code: 0 });
    const said: unknown = JSON.parse(await run('dry.db', '--from', '30m', '--dry-run', '--json'));
    expect(said).toMatchObject({ complete: false });
    expect(printed.code).toBe(3);
    Object.assign(printed, { out: '', code: 0 });
    listing = { apis: [restApi('r1', 'orders-api')] };
    expect(await run('dry.db', '--from', '30m', '--dry-run')).not.toContain('lower bound');
    expect(printed.code).toBe(0);
  });

  it('asks, and starts nothing without a yes', async () => {
    expect(await run('asked.db', '--from', '30m')).toContain('Nothing was started; add --yes');
    expect(printed.questions).toBe(1);
  });

  it('reads the span, shows plain progress where piped, and delivers', async () => {
    const out = await run('own.db', '--from', '1h', '--yes');
    expect(out).toContain('backfill 100 %, through 2026-11-22T12:0');
    expect(out).toContain('Backfill done: everything was read, stored and delivered.');
    expect(printed.code).toBe(0);
    expect(await ordersOf('own.db')).toMatchObject([{ state: 'done', asked: '1h..0s' }]);
  });

  it('stopped, keeps its order; the same command later goes on with the span it was first asked for', async () => {
    const startedMs = fleet.nowMs;
    const stopping = run('stopped.db', '--from', '1h', '--rate', '5/s', '--yes');
    await expect
      .poll(
        () =>
          ordersOf('stopped.db').then(
            (orders) => orders[0]?.state,
            () => undefined,
          ),
        { interval: 20, timeout: 10_000 },
      )
      .toBe('running');
    stop.abort(new Error('Stopped by SIGINT'));
    await stopping;
    expect(printed).toMatchObject({ code: 130 });
    expect(printed.err).toContain('run the same command again');
    stop = new AbortController();
    fleet.nowMs += 5_000;
    const out = await run('stopped.db', '--from', '1h', '--yes');
    fleet.nowMs = startedMs;
    expect(out).toContain('Going on with the backfill of 2026-11-22T11:');
    const orders = await ordersOf('stopped.db');
    expect(orders).toMatchObject([{ state: 'done', fromMs: startedMs - 3_600_000, callsPerSecond: 5 }]);
  });

  it('beside a worker hands the order over and follows it to its end', async () => {
    await besideAWorker('beside.db', async (runtime) => {
      const out = await run('beside.db', '--from', '1h', '--unit', 'metrics:*', '--yes');
      expect(out).toContain('The journal is held by test: it carries out order');
      expect(out).toContain('Backfill done: everything was read and stored.');
      expect((await rowsOf(runtime.journal, 'metrics')).length).toBeGreaterThan(0);
    });
  });

  it('with --detach leaves the order to the worker', async () => {
    await besideAWorker('detached.db', async (runtime) => {
      await run('detached.db', '--from', '1h', '--unit', 'metrics:*:eu-central-1', '--yes', '--detach');
      expect(printed.out).not.toContain('Backfill done');
      await expect
        .poll(async () => (await runtime.journal.orders())[0]?.state, { timeout: 10_000 })
        .toBe('done');
    });
  });

  it.each([
    [['--from', '500d', '--to', '490d'], /keeps metric points 455 days: .* --from 2025-.*--unit 'logs:\*'/],
    [['--from', '1h', '--to', '2h'], /--from to be before --to/],
    [['--from', '1h', '--to', '2099-01-01'], /--to to lie in the past/],
    [
      ['--from', '1h', '--unit', 'nope*'],
      /Expected --unit to match .*`nope\*`.*logs:111122223333:eu-west-1/s,
    ],
    [['--from', '1h', '--json'], /Expected --dry-run beside --json/],
    [['--from', '1h', '--rate', '0'], /--rate to be calls per second above 0/],
  ])('refuses %j with the reason', async (args, reason) => {
    await expect(run('refused.db', ...args, '--yes')).rejects.toThrow(reason);
  });

  it('says that nothing could be listed, or that there is nothing, where no --unit was asked for', async () => {
    listing = { apis: [], failing: ['rest', 'v2'] };
    await expect(run('refused.db', '--from', '1h', '--dry-run')).rejects.toThrow(
      /could be listed.* for the reasons above/,
    );
    expect(printed.err).toContain('throttled in every attempt');
    listing = { apis: [] };
    await expect(run('refused.db', '--from', '1h', '--dry-run')).rejects.toThrow(
      /^Expected APIs .* got none: look at `accounts` and `inventory`/,
    );
  });

  it('takes a span older than every metric point when it is about logs alone', async () => {
    const out = await run(
      'oldlogs.db',
      '--from',
      '500d',
      '--to',
      '499d',
      '--unit',
      'logs:*/apigw/admin',
      '--yes',
    );
    expect(out).toContain('Backfill done');
  });
});

/** Clients that only list: a forecast must read no metric and no log. */
function listingOnly(fleet: FakeFleet): AwsClients {
  const refuse = () => {
    throw new Error('a forecast must not read');
  };
  return {
    ...fakeClients(fleet),
    filterLogEvents: refuse,
    getMetricData: refuse,
    listMetrics: refuse,
    describeLogGroups: refuse,
    clockAheadMs: () => 0,
    close: () => undefined,
  };
}
