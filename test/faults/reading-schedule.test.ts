import { afterEach, expect, it } from 'vitest';
import { createAwsClients } from '../../src/aws/aws-clients.ts';
import type { LogRead } from '../../src/aws/filter-log-events.ts';
import type { RuntimeDeps } from '../../src/cli/worker/runtime.ts';
import { HOUR, MINUTE, outcomesIn, ReadingFleet } from './reading-fleet.ts';
import { ACCESS_GROUP, ACCESS_UNIT, AUTHORIZER_GROUP, AUTHORIZER_UNIT } from './reading-world.ts';

const SECOND = 1_000;
/** For what the worker does on its own, without a turn of the test's. */
const PATIENT = { timeout: 10_000 };

let fleet: ReadingFleet;
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await fleet.dispose();
});

/** Reads that are under way, each let go by the test. */
class Gate {
  readonly reads: LogRead[] = [];
  readonly #letGo: (() => void)[] = [];
  holds: (read: LogRead) => boolean = () => false;

  get held(): number {
    return this.#letGo.length;
  }

  letAllGo(): void {
    for (const go of this.#letGo.splice(0)) go();
  }

  async pass(read: LogRead): Promise<void> {
    this.reads.push(read);
    if (this.holds(read)) await new Promise<void>((go) => this.#letGo.push(go));
  }

  clients: NonNullable<RuntimeDeps['createClients']> = (settings) => {
    const clients = createAwsClients(settings);
    const gate = this;
    return {
      ...clients,
      filterLogEvents: async function* (read) {
        await gate.pass(read);
        yield* clients.filterLogEvents(read);
      },
    };
  };
}

/** A worker that runs on, whose schedules come round when the test says. */
async function startWorker(gate: Gate) {
  const runs = new Map<string, () => Promise<void>>();
  const runtime = await fleet.runtime({
    createClients: gate.clients,
    startCron: (name, _expression, run) => {
      runs.set(name, run);
      return { destroy: () => undefined };
    },
  });
  const stop = new AbortController();
  const running = runtime.worker.run(stop.signal);
  ends.push(async () => {
    gate.letAllGo();
    gate.holds = () => false;
    stop.abort(new Error('the test is over'));
    await running;
  });
  await expect.poll(() => runs.size, PATIENT).toBe(3);
  const through = (unit: string) =>
    runtime.worker.status().units.find((status) => status.unit === unit)?.readThroughMs ?? 0;
  await expect.poll(() => through(ACCESS_UNIT), PATIENT).toBe(fleet.nowMs);
  await expect.poll(() => through(AUTHORIZER_UNIT), PATIENT).toBe(fleet.nowMs);
  return { runtime, through, tick: (name: string) => runs.get(name)?.() ?? Promise.reject(new Error(name)) };
}

it('FT-37 polls never overlap: a group still being read is left out and counted, alone, and no time is skipped', async () => {
  fleet = await ReadingFleet.start({ config: 'logs: { rereads: [], firstRead: 5m, slice: 1h }' });
  const gate = new Gate();
  const { runtime, through, tick } = await startWorker(gate);
  const startMs = fleet.nowMs;
  gate.holds = ({ logGroup }) => logGroup === AUTHORIZER_GROUP;
  gate.reads.length = 0;
  const turns: Promise<void>[] = [];
  for (let turn = 1; turn <= 4; turn += 1) {
    fleet.world.request(`r${turn}`, fleet.nowMs + 5 * SECOND);
    fleet.nowMs += 20 * SECOND;
    turns.push(tick('logs'));
    await expect.poll(() => through(ACCESS_UNIT), PATIENT).toBe(fleet.nowMs);
  }
  // Later turns end without the group that is still being read; none of them waits behind it.
  await Promise.all(turns.slice(1));
  expect(through(AUTHORIZER_UNIT)).toBe(startMs);
  expect(gate.held).toBe(1);
  expect(runtime.worker.status().skippedRuns).toBe(3);
  expect(fleet.meter.counts.get('gatewatch_schedule_skipped_total')).toBe(3);

  gate.holds = () => false;
  gate.letAllGo();
  await Promise.all(turns);
  await tick('logs');
  await expect.poll(() => through(AUTHORIZER_UNIT), PATIENT).toBe(fleet.nowMs);
  // Each window begins within what the one before it had read: nothing drifts, nothing is left out.
  for (const group of [ACCESS_GROUP, AUTHORIZER_GROUP]) {
    const windows = gate.reads.filter(({ logGroup }) => logGroup === group);
    let readMs = startMs;
    for (const { fromMs, toMs } of windows) {
      expect(fromMs).toBeLessThanOrEqual(readMs);
      readMs = toMs;
    }
    expect(readMs).toBe(fleet.nowMs);
  }
  const expected = Object.fromEntries([1, 2, 3, 4].map((turn) => [`r${turn}`, 'matched']));
  await expect.poll(() => outcomesIn(runtime), PATIENT).toEqual(expected);
});

it('a poll for what is new goes ahead while the same group is read again, and neither undoes what the other noted', async () => {
  fleet = await ReadingFleet.start({ config: 'logs: { rereads: [5m], firstRead: 5m, slice: 1h }' });
  const gate = new Gate();
  const { runtime, through, tick } = await startWorker(gate);
  gate.holds = ({ urgency, logGroup }) => urgency === 'behind' && logGroup === ACCESS_GROUP;
  fleet.world.request('old', fleet.nowMs - 10 * SECOND, { accessMs: 3 * MINUTE });
  fleet.nowMs += 20 * MINUTE;
  await tick('logs');
  await expect.poll(() => gate.held, PATIENT).toBe(1);
  for (let turn = 0; turn < 3; turn += 1) {
    fleet.world.request(`r${turn}`, fleet.nowMs + 5 * SECOND);
    fleet.nowMs += 20 * SECOND;
    await tick('logs');
  }
  const [unit] = await runtime.journal.checkpoints();
  expect(unit?.readThroughMs).toBe(fleet.nowMs);
  expect(await outcomesIn(runtime)).toMatchObject({ r0: 'matched', r1: 'matched', r2: 'matched' });
  expect(gate.held).toBe(1);
  gate.holds = () => false;
  gate.letAllGo();
  await expect.poll(() => outcomesIn(runtime), PATIENT).toMatchObject({ old: 'matched' });
  expect((await runtime.journal.checkpoint(ACCESS_UNIT))?.readThroughMs).toBe(fleet.nowMs);
  await expect.poll(() => through(ACCESS_UNIT), PATIENT).toBe(fleet.nowMs);
  // Later, the times that were read beside the re-read get theirs.
  fleet.nowMs += HOUR;
  await tick('logs');
  const isDone = async () =>
    (await runtime.journal.checkpoint(ACCESS_UNIT))?.rereads.filter(({ dueMs }) => dueMs < fleet.nowMs);
  await expect.poll(isDone, PATIENT).toEqual([]);
}, 30_000);
