import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDeadLettersCommand } from '../../../src/cli/commands/dead-letters.ts';
import { createSystemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { silentMeter } from '../../../src/core/meter.ts';
import type { Journal } from '../../../src/model/journal.ts';
import type { Order } from '../../../src/model/order.ts';
import { Circuits } from '../../../src/pipeline/circuit.ts';
import { defaultLaneSettings } from '../../../src/pipeline/drain-lane.ts';
import { LiveFirst } from '../../../src/pipeline/live-first.ts';
import { Redelivery } from '../../../src/pipeline/redelivery.ts';
import { openJournalReader } from '../../../src/store/open-journal.ts';
import { openOrderDesk } from '../../../src/store/order-desk.ts';
import { commitRecords, series } from '../../store/commits.ts';
import { START_MS, TemporaryJournal } from '../../store/temporary-journal.ts';
import { contextFor } from '../../support/cli-context.ts';

const LANE = {
  sink: 'splunk',
  stream: 'records',
  class: 'live',
  name: 'splunk/records/live',
} as const;

describe('gatewatch dead-letters', () => {
  let store: TemporaryJournal;
  let journal: Journal;
  const printed = { out: '', err: '', code: 0 };

  beforeEach(async () => {
    store = new TemporaryJournal();
    Object.assign(printed, { out: '', err: '', code: 0 });
    journal = await store.open();
    await commitRecords(journal, series(0, 3));
    await journal.lane(LANE);
    const [, second] = await journal.readStream('records', 0, 3);
    await journal.ackLane({
      lane: LANE.name,
      epoch: journal.epoch,
      cursor: 3,
      counts: { accepted: 2, rejected: 1, rejectedUnknown: 0, expired: 0, filtered: 0 },
      deadLetters: [
        {
          lane: LANE.name,
          seq: 2,
          recordId: second?.recordId ?? '',
          eventId: second?.eventId ?? '',
          reason: 'HEC code 6: invalid data format',
          atMs: START_MS,
        },
      ],
      expired: [],
      nowMs: START_MS,
    });
  });
  afterEach(() => store.dispose());

  async function ordersIn(): Promise<readonly Order[]> {
    const reader = await openJournalReader(store.path);
    return reader.orders().finally(() => reader.close());
  }

  async function run(...args: string[]): Promise<string> {
    const context = contextFor(printed, { cwd: store.folder, now: () => START_MS });
    const command = createDeadLettersCommand(context, openJournalReader, {
      openDesk: (path) => openOrderDesk(path, store.clock),
      clock: createSystemClock(),
      signal: AbortSignal.timeout(10_000),
      operator: 'ada',
    });
    for (const child of command.commands) child.exitOverride();
    await command.exitOverride().parseAsync([...args, '--journal', 'gatewatch.db'], { from: 'user' });
    return printed.out;
  }

  it('lists what was refused, with lane, time and reason', async () => {
    expect(await run('list')).toMatch(
      /splunk\/records\/live +2 +refused +1 +2026-11-22T10:00:00Z .* HEC code 6: invalid data format/,
    );
  });

  it('lists nothing of another lane', async () => {
    expect(await run('list', '--lane', 'dynatrace/records/live')).toBe('no dead letters\n');
    expect(printed.err).toBe('');
  });

  it('says how many more were refused that the destination did not name', async () => {
    await journal.ackLane({
      lane: LANE.name,
      epoch: journal.epoch,
      cursor: 3,
      counts: { accepted: 1, rejected: 1, rejectedUnknown: 1, expired: 0, filtered: 0 },
      deadLetters: [],
      expired: [],
      nowMs: START_MS,
    });
    await run('list');
    expect(printed.err).toMatch(/^splunk\/records\/live: \d more refused without being named/);
    printed.err = '';
    await run('list', '--lane', 'dynatrace/records/live');
    expect(printed.err).toBe('');
  });

  it('shows the record that was refused', async () => {
    expect(JSON.parse(await run('show', '2', '--json'))).toMatchObject({
      reason: 'HEC code 6: invalid data format',
      record: { kind: 'request', path: '/orders/1' },
    });
  });

  it('retry without a worker says so, and leaves an order for the lane that has some', async () => {
    await journal.close();
    const out = await run('retry', '--all');
    expect(out).toMatch(/No worker holds the journal: order \S+ waits for the next `gatewatch run` or/);
    expect(printed.code).toBe(3);
    expect(await ordersIn()).toMatchObject([
      { kind: 'retry', lane: LANE.name, by: 'ada', asked: '--all', state: 'pending' },
    ]);
  });

  it('drop is carried out by whoever holds the journal, and kept with the reason', async () => {
    const parts = { clock: createSystemClock(), random: () => 1, settings: defaultLaneSettings };
    const redelivery = new Redelivery({
      ...parts,
      circuits: new Circuits(parts),
      journal,
      logger: silentLogger,
      meter: silentMeter,
      sinks: [],
      liveFirst: new LiveFirst([], createSystemClock()),
    });
    const stop = new AbortController();
    const running = redelivery.run(stop.signal);
    const out = await run('drop', '--seq', '2', '--reason', 'test traffic');
    stop.abort();
    await running;
    expect(out).toContain('Drop of splunk/records/live done: 1 dropped.');
    expect(printed.code).toBe(0);
    printed.out = '';
    expect(await run('show', '2')).toMatch(
      /refused 2 at .*: HEC code 6.*\ndropped at .*Z by ada \(order \S+\): test traffic\n/,
    );
    await run('retry', '--seq', '2');
    expect(printed.code).toBe(3);
    expect(printed.err).toMatch(/dead letter 2 was dropped at 2026/);
  });

  it.each([
    [['retry'], /either --seq with a number or --all/],
    [['retry', '--seq', '2', '--all'], /either --seq with a number or --all/],
    [['retry', '--seq', 'two'], /--seq to be a sequence number .* got `two`/],
    [['drop', '--all', '--reason', ' '], /Expected --reason to say why/],
    [['drop', '--all'], /required option '--reason <text>'/],
  ])('refuses %j with the reason', async (args, reason) => {
    await expect(run(...args)).rejects.toThrow(reason);
    expect(await ordersIn()).toEqual([]);
  });

  it('exits 3 when there is nothing to try again', async () => {
    await run('retry', '--all', '--lane', 'dynatrace/records/live');
    expect(printed).toMatchObject({
      code: 3,
      err: 'no dead letter of lane dynatrace/records/live is refused\n',
    });
  });

  it('exits 3 for a number that was delivered, and refuses what is no number', async () => {
    await run('show', '1');
    expect(printed).toMatchObject({ code: 3, err: 'no dead letter has the sequence number 1\n' });
    await expect(run('show', 'first')).rejects.toThrow('got `first`');
  });
});
