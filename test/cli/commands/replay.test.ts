import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOrdersCommand } from '../../../src/cli/commands/orders.ts';
import { createReplayCommand } from '../../../src/cli/commands/replay.ts';
import type { Runtime } from '../../../src/cli/worker/runtime.ts';
import type { Order } from '../../../src/model/order.ts';
import { createSinks } from '../../../src/sinks/registry.ts';
import { openJournalReader } from '../../../src/store/open-journal.ts';
import { openOrderDesk } from '../../../src/store/order-desk.ts';
import { RehearsedFleet, rowsOf } from '../../pipeline/rehearsed-runtime.ts';
import { contextFor } from '../../support/cli-context.ts';

const HISTORY_TO_MS = Date.UTC(2026, 10, 22, 12, 0, 0);
const ALL = ['--sink', 'splunk', '--from', '1h'];

describe('gatewatch replay', () => {
  let fleet: RehearsedFleet;
  let stored: { readonly records: number; readonly metrics: number };
  const printed = { out: '', err: '', code: 0, asOften: 0 };

  beforeAll(async () => {
    fleet = await RehearsedFleet.start({ minutes: 4, ratePerSecond: 2, historyToMs: HISTORY_TO_MS });
    const { journal } = await fleet.readLive('read.db');
    stored = {
      records: (await rowsOf(journal, 'records')).length,
      metrics: (await rowsOf(journal, 'metrics')).length,
    };
    await journal.close();
  });
  afterAll(() => fleet.dispose());
  beforeEach(() => {
    Object.assign(printed, { out: '', err: '', code: 0 });
  });

  function contextOf() {
    let bytes = printed.asOften;
    printed.asOften += 10;
    return contextFor(printed, {
      cwd: fleet.folder,
      now: () => fleet.nowMs,
      readFile: (path) =>
        path.endsWith('gatewatch.yaml') ? fleet.configText('read.db') : readFileSync(path, 'utf8'),
      fileExists: () => true,
      randomBytes: (count) => new Uint8Array(count).fill(++bytes),
    });
  }

  async function run(...args: string[]): Promise<string> {
    const command = createReplayCommand(contextOf(), {
      openReader: openJournalReader,
      createSinks: (config) => createSinks(config.sinks, fleet.deps()),
      openDesk: (path) => openOrderDesk(path, fleet.clock),
      clock: fleet.clock,
      signal: AbortSignal.timeout(20_000),
      operator: 'ada',
    });
    await command.exitOverride().parseAsync(args, { from: 'user' });
    return printed.out;
  }

  async function orders(): Promise<readonly Order[]> {
    const reader = await openJournalReader(join(fleet.folder, 'read.db'));
    return reader.orders().finally(() => reader.close());
  }

  function takenBySplunk(): number {
    return [...fleet.rehearsal.sandbox.acceptedEvents()].length;
  }

  it('with --dry-run prints rows, bytes, times and what would be left out, and orders nothing', async () => {
    const before = takenBySplunk();
    const out = await run(...ALL, '--dry-run');
    expect(out).toContain('Replay to splunk, 2026-11-22T11:');
    expect(out).toMatch(
      new RegExp(`records +${stored.records} +\\d+ [kM]?B +2026-11-22T11:5.* +0 +0 +${stored.records}\n`),
    );
    expect(out).toMatch(new RegExp(`metrics +${stored.metrics} `));
    expect([takenBySplunk() - before, await orders(), printed.code]).toEqual([0, [], 0]);
  });

  it('says how many rows are older than what the destination takes', async () => {
    const startedMs = fleet.nowMs;
    fleet.nowMs += 2 * 86_400_000;
    const out = await run('--sink', 'dynatrace', '--from', '3d', '--dry-run', '--stream', 'records');
    fleet.nowMs = startedMs;
    expect(out).toMatch(new RegExp(`records +${stored.records} .* +${stored.records} +0 +0\n`));
    expect(out).toContain(
      `expired ${stored.records}: older than the 1d that Dynatrace takes log records for`,
    );
  });

  it('prints the same as one JSON document with --json, also when nothing is stored', async () => {
    const said: unknown = JSON.parse(await run(...ALL, '--dry-run', '--json'));
    const ofStream = (stream: 'records' | 'metrics') => {
      const rows = stored[stream];
      return { stream, rows, expired: [], filtered: 0, toSend: rows };
    };
    expect(said).toMatchObject({
      sink: 'splunk',
      fromMs: fleet.nowMs - 3_600_000,
      toMs: fleet.nowMs,
      streams: [ofStream('records'), ofStream('metrics')],
    });
    printed.out = '';
    await run('--sink', 'splunk', '--from', '3d', '--to', '2d', '--dry-run', '--json');
    expect(JSON.parse(printed.out)).toMatchObject({ streams: [] });
    expect(printed.code).toBe(3);
    printed.out = '';
    const startedMs = fleet.nowMs;
    fleet.nowMs += 2 * 86_400_000;
    await run(...['--sink', 'dynatrace', '--from', '3d', '--dry-run', '--stream', 'records', '--json']);
    fleet.nowMs = startedMs;
    const reason = expect.stringContaining('that Dynatrace takes log records for');
    expect(JSON.parse(printed.out)).toMatchObject({
      streams: [{ expired: [{ reason, rows: stored.records }], toSend: 0 }],
    });
  });

  it('without a worker says so, and the order waits for one that works once', async () => {
    const out = await run(...ALL, '--stream', 'records');
    expect(out).toMatch(/No worker holds the journal: order \S+ waits for the next `gatewatch run` or/);
    expect(printed.code).toBe(3);
    expect(await orders()).toMatchObject([
      { kind: 'replay', by: 'ada', state: 'pending', rows: stored.records },
    ]);
    const runtime = await fleet.runtime('read.db');
    expect(await runtime.worker.once(AbortSignal.timeout(20_000))).toEqual([]);
    await runtime.close();
    expect(await orders()).toMatchObject([{ state: 'done', progress: { accepted: stored.records } }]);
  });

  it('beside a worker is carried out under the same event ids, followed, and told', async () => {
    const runtime: Runtime = await fleet.runtime('read.db');
    const ending = new AbortController();
    const running = runtime.worker.run(ending.signal);
    const cursors = async () => (await runtime.journal.lanes()).filter((lane) => lane.class === 'live');
    const before = { cursors: await cursors(), ids: eventIds(), taken: takenBySplunk() };
    const out = await run(...ALL).finally(() => ending.abort());
    expect(out).toContain('The journal is held by test: it carries out order');
    expect(out).toContain('replay 100 %, ');
    expect(out).toContain(`Replay done: ${stored.records} delivered, 0 refused, 0 expired, 0 filtered.`);
    expect(printed.code).toBe(0);
    expect(takenBySplunk()).toBeGreaterThan(before.taken);
    expect(eventIds()).toEqual(before.ids);
    expect(await cursors()).toEqual(before.cursors);
    await running;
    await runtime.close();
  });

  it('is shown by `gatewatch orders`, with who placed it', async () => {
    const command = createOrdersCommand(contextOf(), openJournalReader);
    await command.exitOverride().parseAsync([], { from: 'user' });
    expect(printed.out).toMatch(/placed at +by +order +kind +state +what +result/);
    expect(printed.out).toMatch(
      /ada +\S+ +replay +done +.* records to splunk +\d+ of \d+ rows; \d+ delivered/,
    );
  });

  it('exits 3 when nothing is stored of the span', async () => {
    await run('--sink', 'splunk', '--from', '3d', '--to', '2d');
    expect(printed.code).toBe(3);
    expect(printed.err).toMatch(/nothing is stored of 2026-11-19.*`gatewatch backfill` reads the past/);
  });

  it.each([
    [['--sink', 'nope', '--from', '1h'], /--sink to name a sink .*\(splunk, dynatrace\), got `nope`/],
    [['--sink', 'splunk', '--from', '1h', '--to', '2h'], /--from to be before --to/],
    [['--sink', 'splunk', '--from', '1h', '--json'], /Expected --dry-run beside --json/],
    [['--sink', 'splunk', '--from', '1h', '--rate', '0'], /--rate to be rows per second above 0/],
    [
      ['--sink', 'splunk', '--from', '1h', '--stream', 'logs'],
      /Allowed choices are records, metrics, alarms/,
    ],
  ])('refuses %j with the reason', async (args, reason) => {
    await expect(run(...args)).rejects.toThrow(reason);
  });

  /** Of everything that Splunk took. */
  function eventIds(): ReadonlySet<unknown> {
    return new Set([...fleet.rehearsal.sandbox.acceptedEvents()].map(({ fields }) => fields?.event_id));
  }
});
