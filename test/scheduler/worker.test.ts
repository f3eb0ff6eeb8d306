import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FencedError, HeldError, IncompleteReadError, JournalDamagedError } from '../../src/core/errors.ts';
import type { Inventory } from '../../src/model/inventory.ts';
import type { MetricRecord } from '../../src/model/metric-record.ts';
import type { LogPart } from '../../src/model/part.ts';
import type { Page, Source, Window } from '../../src/model/source-event.ts';
import { Backfill } from '../../src/pipeline/backfill.ts';
import { Circuits } from '../../src/pipeline/circuit.ts';
import { defaultLaneSettings, type LaneDrain } from '../../src/pipeline/drain-lane.ts';
import { LiveFirst } from '../../src/pipeline/live-first.ts';
import { createLagMeter, LogUnit } from '../../src/pipeline/log-unit.ts';
import { MetricReads } from '../../src/pipeline/metric-reads.ts';
import { MetricUnit } from '../../src/pipeline/metric-unit.ts';
import { Redelivery } from '../../src/pipeline/redelivery.ts';
import { Worker, type WorkerOptions } from '../../src/scheduler/worker.ts';
import { lane } from '../contract/journal-records.ts';
import { accepts, busy, holds, LaneRig, ScriptedSink } from '../pipeline/lane-rig.ts';
import { line, page, ReadingRig } from '../pipeline/reading-rig.ts';
import { quiet, until } from '../support/fake-clock.ts';
import { RecordingLogger, RecordingMeter } from '../support/recorders.ts';

const MINUTE = 60_000;
const INVENTORY: Inventory = { stages: [], complete: true, problems: [], readMs: 0 };
const NEVER = '0 0 1 1 *';
const EACH_SECOND = '* * * * * *';
const SETTINGS = {
  firstReadMs: MINUTE,
  sliceMs: 30 * MINUTE,
  rereadsMs: [5 * MINUTE],
  lagAllowanceMs: MINUTE,
  maxOverlapMs: MINUTE,
  batchEvents: 100,
};

let rig: ReadingRig;
let lanes: LaneRig;
let logger: RecordingLogger;
let meter: RecordingMeter;
beforeEach(async () => {
  rig = await ReadingRig.start();
  lanes = new LaneRig(rig.files, rig.journal);
  logger = new RecordingLogger();
  meter = new RecordingMeter();
});
afterEach(() => rig.dispose());

type Read = (window: Window, signal: AbortSignal) => AsyncIterable<Page<LogPart>>;

function group(name: string, read: Read): LogUnit {
  const source: Source<LogPart> = { unit: `logs:111122223333:eu-west-1:${name}`, read };
  const { ingest, journal, clock } = rig;
  return new LogUnit({ source, ingest, journal, clock, lag: createLagMeter(SETTINGS), settings: SETTINGS });
}

/** Shows its lines in every window that holds them. */
function showing(...parts: readonly LogPart[]): Read {
  return async function* ({ fromMs, toMs }) {
    yield page(parts.filter(({ source }) => source.timestampMs >= fromMs && source.timestampMs < toMs));
  };
}

function failing(error: Error): Read {
  // biome-ignore lint/correctness/useYield: a read that fails before its first page.
  return async function* () {
    throw error;
  };
}

/** A worker over these groups and lanes. Time is the host's where the worker itself sleeps. */
function workerOf(
  units: readonly LogUnit[],
  drains: readonly LaneDrain[],
  more: Partial<WorkerOptions> = {},
): Worker {
  const { ingest, journal, clock } = rig;
  const liveFirst = new LiveFirst(drains, lanes.hostClock);
  return new Worker({
    clock: lanes.hostClock,
    logger,
    meter,
    journal,
    ingest,
    lanes: { live: drains, backfill: [], liveFirst },
    schedule: { logs: NEVER, metrics: NEVER, inventory: NEVER },
    discover: async () => INVENTORY,
    unitsOf: () => ({ logs: units, metrics: [] }),
    seenForMs: MINUTE,
    backfill: new Backfill({
      journal,
      ingest,
      metricReads: new MetricReads({ ingest, journal, clock }),
      clock,
      logger,
      settings: { sliceMs: MINUTE, batchEvents: 100, metricPeriodMs: MINUTE, metricSettleMs: MINUTE },
      isAuthorizer: () => false,
    }),
    redelivery: new Redelivery({
      journal,
      clock: lanes.hostClock,
      logger,
      meter,
      random: () => 1,
      settings: defaultLaneSettings,
      circuits: new Circuits({ clock, random: () => 1, settings: defaultLaneSettings }),
      sinks: [],
      liveFirst,
    }),
    ...more,
  });
}

const soon = () => AbortSignal.timeout(10_000);
const at = (agoMs: number) => rig.clock.now() - agoMs;

describe('a worker that runs once', () => {
  it('reads everything up to now, delivers it, and says that nothing is left', async () => {
    const sink = new ScriptedSink('splunk', 10, accepts);
    const drain = await lanes.lane(sink, {}, rig.journal, lanes.hostClock);
    const worker = workerOf(
      [group('/a', showing(line('a', at(5_000)))), group('/b', showing(line('b', at(4_000))))],
      [drain],
    );
    expect(await worker.once(soon())).toEqual([]);
    expect((await rig.requests()).sort()).toEqual(['ext-a', 'ext-b']);
    expect(drain.status).toMatchObject({ cursor: 2, counts: { accepted: 2 } });
    expect(worker.status().units.map(({ readThroughMs }) => readThroughMs)).toEqual([
      rig.clock.now(),
      rig.clock.now(),
    ]);
  });

  it('reads the others whole when one group is refused, and names that one', async () => {
    const refused = group('/refused', failing(new HeldError('aws_denied', 'the role may not read it')));
    const worker = workerOf([refused, group('/b', showing(line('b', at(4_000))))], []);
    expect(await worker.once(soon())).toEqual([
      'logs:111122223333:eu-west-1:/refused is held: the role may not read it',
    ]);
    expect(await rig.requests()).toEqual(['ext-b']);
  });

  it('tries a read that broke off again, until it goes through', async () => {
    let reads = 0;
    const shown = showing(line('a', at(5_000)));
    const flaky: Read = (window, signal) => {
      reads += 1;
      return reads < 3
        ? failing(new IncompleteReadError('the token repeated'))(window, signal)
        : shown(window, signal);
    };
    expect(await workerOf([group('/a', flaky)], []).once(soon())).toEqual([]);
    expect(await rig.requests()).toEqual(['ext-a']);
  });

  it('ends at its deadline with what is left undone', async () => {
    const drain = await lanes.lane(new ScriptedSink('splunk', 10, busy()), {}, rig.journal, lanes.hostClock);
    const stuck = group('/stuck', failing(new IncompleteReadError('no answer')));
    const worker = workerOf([stuck, group('/b', showing(line('b', at(4_000))))], [drain]);
    const left = await worker.once(AbortSignal.timeout(1_800));
    expect(left).toEqual([
      'logs:111122223333:eu-west-1:/stuck was not read whole: no answer',
      'lane splunk is not drained: server busy',
    ]);
  });

  it('does not wait for a held lane, and names it', async () => {
    const held = await lanes.lane(
      new ScriptedSink('splunk', 10, holds('the token is refused')),
      {},
      rig.journal,
      lanes.hostClock,
    );
    const well = await lanes.lane(
      new ScriptedSink('dynatrace', 10, accepts),
      {},
      rig.journal,
      lanes.hostClock,
    );
    const worker = workerOf([group('/a', showing(line('a', at(5_000))))], [held, well]);
    expect(await worker.once(soon())).toEqual(['lane splunk is held: the token is refused']);
    expect(well.status.cursor).toBe(1);
  });

  it('waits for what the destination says now of a lane that the last worker had to hold', async () => {
    await lanes.rows('a');
    await lanes.journal.lane(lane('splunk'));
    await lanes.journal.setLaneHeld('splunk', 'the token is refused');
    const answered = Promise.withResolvers<void>();
    const slow = new ScriptedSink('splunk', 10, async (batch, signal) => {
      await answered.promise;
      return accepts(batch, signal);
    });
    const drain = await lanes.lane(slow, {}, rig.journal, lanes.hostClock);
    const left = workerOf([], [drain]).once(soon());
    await until(() => slow.sent.length === 1, 'the row is on its way');
    await quiet();
    answered.resolve();
    expect(await left).toEqual([]);
  });

  it('says that the inventory was not listed whole', async () => {
    const discover = async () => ({ ...INVENTORY, complete: false });
    expect(await workerOf([], [], { discover }).once(soon())).toEqual([
      'the inventory could not be listed whole',
    ]);
  });
});

describe('a worker that runs on', () => {
  it('reads by its schedule, never twice at the same time, and counts what it left out', async () => {
    let running = 0;
    let most = 0;
    let turns = 0;
    let letGo: () => void = () => undefined;
    const slow: Read = async function* () {
      running += 1;
      turns += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => {
        letGo = resolve;
      });
      running -= 1;
      yield page([]);
    };
    const stop = new AbortController();
    const schedule = { logs: EACH_SECOND, metrics: NEVER, inventory: NEVER };
    const worker = workerOf([group('/slow', slow)], [], { schedule });
    const ended = worker.run(stop.signal);
    await until(() => worker.status().skippedRuns > 0, 'a run was left out');
    expect(turns).toBe(1);
    letGo();
    rig.clock.skip(1_000);
    await until(() => turns > 1, 'the next run has begun');
    stop.abort(new Error('the test is over'));
    letGo();
    await ended;
    expect(most).toBe(1);
    expect(meter.counts.get('gatewatch_schedule_skipped_total')).toBeGreaterThan(0);
  });

  it.each(['runs on', 'runs once'])(
    'reads settled spans once more beside a long re-read, when it %s',
    async (how) => {
      const windows: Window[] = [];
      let tookMs = 5_000;
      let blocked = (_window: Window): boolean => false;
      const read: Read = async function* (window, signal) {
        windows.push(window);
        rig.clock.skip(tookMs);
        if (blocked(window)) await new Promise((_, reject) => signal.addEventListener('abort', reject));
        yield page([]);
      };
      const unit = group('/a', read);
      const [first, stop] = [rig.clock.now(), new AbortController()];
      for (const lasts of [5_000, 0]) {
        tookMs = lasts;
        await unit.pollLive(stop.signal);
        rig.clock.skip(15_000);
      }
      rig.clock.skip(20 * MINUTE);
      const settling = { fromMs: first - MINUTE, toMs: first + 20_000 };
      blocked = ({ toMs }) => how === 'runs on' && toMs <= first;
      const worker = workerOf([unit], []);
      const ended = how === 'runs on' ? worker.run(stop.signal) : worker.once(stop.signal);
      const isSettling = ({ fromMs, toMs }: Window) => fromMs === settling.fromMs && toMs === settling.toMs;
      await until(() => windows.some(isSettling), 'the span was read once more');
      stop.abort(new Error('the test is over'));
      await ended;
    },
  );

  it('returns only when what was under way has ended, also a run that its schedule began', async () => {
    const events: string[] = [];
    const stop = new AbortController();
    let reads = 0;
    const read: Read = async function* (_window, signal) {
      reads += 1;
      if (reads > 1) {
        events.push('reading');
        await new Promise<void>((resolve) =>
          signal.addEventListener('abort', () => setImmediate(resolve), { once: true }),
        );
        events.push('read ended');
      }
      yield page([]);
    };
    const unit = group('/a', read);
    const schedule = { logs: EACH_SECOND, metrics: NEVER, inventory: NEVER };
    const ended = workerOf([unit], [], { schedule }).run(stop.signal);
    await until(() => reads === 1, 'the first run is over');
    rig.clock.skip(1_000);
    await until(() => events.length === 1, 'the scheduled run reads');
    stop.abort(new Error('the test is over'));
    await ended;
    expect(events).toEqual(['reading', 'read ended']);
  });

  it('reads metrics that were never read with the next turn of logs, and then when it is their turn', async () => {
    const { ingest, journal, clock } = rig;
    let calls = 0;
    const source: Source<MetricRecord> = {
      unit: 'metrics:111122223333:eu-west-1',
      read: async function* () {
        calls += 1;
        if (calls === 1) throw new IncompleteReadError('the answer broke off');
        yield page<MetricRecord>([]);
      },
    };
    const metrics = new MetricUnit({
      source,
      ingest,
      clock,
      reads: new MetricReads({ ingest, journal, clock }),
      settings: {
        periodMs: MINUTE,
        settleMs: MINUTE,
        revisitMs: MINUTE,
        firstReadMs: 10 * MINUTE,
        maxSpanMs: 60 * MINUTE,
      },
    });
    const schedule = { logs: EACH_SECOND, metrics: NEVER, inventory: NEVER };
    const stop = new AbortController();
    const worker = workerOf([], [], { schedule, unitsOf: () => ({ logs: [], metrics: [metrics] }) });
    const ended = worker.run(stop.signal);
    await until(() => worker.status().units[0]?.lastError !== undefined, 'the first read has failed');
    rig.clock.skip(1_000);
    await until(() => worker.status().units[0]?.readThroughMs !== undefined, 'it was read again');
    rig.clock.skip(10 * MINUTE);
    await until(() => meter.observed.filter((task) => task === 'logs').length > 2, 'logs had more turns');
    expect(calls).toBe(2);
    expect(worker.status()).toMatchObject({ skippedRuns: 0, units: [{ unit: source.unit }] });
    stop.abort(new Error('the test is over'));
    await ended;
  });

  it('stops in good order under load, and a new worker finds nothing lost or twice', async () => {
    let n = 0;
    const busyGroup: Read = async function* ({ toMs }) {
      for (let pages = 0; pages < 3; pages += 1) {
        n += 1;
        yield page([line(`${n}`, toMs - 10)]);
      }
    };
    const sink = new ScriptedSink('splunk', 1, accepts);
    const drain = await lanes.lane(sink, {}, rig.journal, lanes.hostClock);
    const schedule = { logs: EACH_SECOND, metrics: NEVER, inventory: NEVER };
    const stop = new AbortController();
    const ended = workerOf([group('/a', busyGroup)], [drain], { schedule }).run(stop.signal);
    await until(() => sink.sent.length > 1, 'deliveries have begun');
    stop.abort(new Error('the test is over'));
    await ended;
    const rows = await rig.journal.lastSeq();
    const next = new ScriptedSink('splunk', 100, accepts);
    const again = await lanes.lane(next, {}, rig.journal, lanes.hostClock);
    expect(await workerOf([], [again]).once(soon())).toEqual([]);
    expect([...sink.sent, ...next.sent].flat()).toEqual(
      Array.from({ length: rows }, (_, index) => index + 1),
    );
  });

  it('ends, saying so, when another worker has taken the journal over', async () => {
    const drain = await lanes.lane(new ScriptedSink('splunk', 10, accepts), {}, rig.journal, lanes.hostClock);
    const stop = new AbortController();
    const fresh: Read = async function* ({ toMs }) {
      yield page([line(`at ${toMs}`, toMs - 10)]);
    };
    const schedule = { logs: EACH_SECOND, metrics: NEVER, inventory: NEVER };
    const ended = workerOf([group('/a', fresh)], [drain], { schedule }).run(stop.signal);
    await until(() => drain.status.cursor > 0, 'the first line is delivered');
    await rig.files.takeOver();
    rig.clock.skip(1_000);
    await expect(ended).rejects.toThrow(FencedError);
  });
});

describe('a worker that may read nothing new', () => {
  it('FT-18 delivers what is stored, asks nobody for more, and reads on once it may', async () => {
    let stop: { reason: string } | undefined;
    const asked: number[] = [];
    const read: Read = async function* ({ toMs }) {
      asked.push(toMs);
      yield page([line(`at ${toMs}`, toMs - 10)]);
    };
    const sink = new ScriptedSink('splunk', 10, accepts);
    const drain = await lanes.lane(sink, {}, rig.journal, lanes.hostClock);
    const worker = workerOf([group('/a', read)], [drain], { intakeStop: () => stop });
    expect(await worker.once(soon())).toEqual([]);
    stop = { reason: 'the queue is full' };
    rig.clock.skip(MINUTE);
    expect(await worker.once(AbortSignal.timeout(300))).toEqual(['reading is stopped: the queue is full']);
    expect(asked).toHaveLength(1);
    expect(drain.status).toMatchObject({ cursor: 1 });
    stop = undefined;
    expect(await worker.once(soon())).toEqual([]);
    expect(asked.length).toBeGreaterThan(1);
    expect(drain.status).toMatchObject({ cursor: 2 });
  });

  it('FT-16 ends with the reason when what runs beside it finds the journal damaged', async () => {
    const companion = { run: () => Promise.reject(new JournalDamagedError('page 7 is damaged')) };
    const worker = workerOf([group('/a', showing())], [], { companion });
    await expect(worker.run(soon())).rejects.toThrow(JournalDamagedError);
    await expect(worker.once(soon())).rejects.toThrow('page 7 is damaged');
  });
});

describe('one log group under a worker', () => {
  it('is read live and behind one after the other, so that neither undoes the position of the other', async () => {
    const unit = group('/a', showing());
    const go = new AbortController().signal;
    await unit.pollLive(go);
    rig.clock.skip(20 * MINUTE);
    await unit.pollLive(go);
    const holesBefore = rig.ingest.checkpointOf(unit.unit)?.rereads.length;
    const throughBefore = rig.ingest.readWholeThrough(unit.unit) ?? 0;
    rig.clock.skip(10_000);
    await Promise.all([unit.pollBehind(go), unit.pollLive(go)]);
    expect(holesBefore).toBeGreaterThan(0);
    expect(rig.ingest.checkpointOf(unit.unit)?.readThroughMs).toBe(rig.clock.now());
    expect(rig.ingest.readWholeThrough(unit.unit)).toBeGreaterThan(throughBefore);
  });
});
