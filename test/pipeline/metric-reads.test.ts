import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import type { MetricRecord } from '../../src/model/metric-record.ts';
import type { Page, Source, Urgency, Window } from '../../src/model/source-event.ts';
import { Backfill } from '../../src/pipeline/backfill.ts';
import { MetricReads } from '../../src/pipeline/metric-reads.ts';
import { MetricUnit } from '../../src/pipeline/metric-unit.ts';
import { openOrderDesk } from '../../src/store/order-desk.ts';
import { metricRecord } from '../contract/journal-records.ts';
import { type FakeClock, quiet } from '../support/fake-clock.ts';
import { ReadingRig } from './reading-rig.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const METRICS = 'metrics:111122223333:eu-west-1';
const GO = new AbortController().signal;

/** Points as they stand now. Each is a call of its own, answered with what stood when the call was made. */
class CloudWatch {
  readonly points = new Map<string, number>();
  readonly gone: NonNullable<Page<MetricRecord>['gone']>[number][] = [];
  readonly calls: Urgency[] = [];
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** `arrived`: when the answers to its calls come. */
  source(arrived: Promise<void> = Promise.resolve()): Source<MetricRecord> {
    return { unit: METRICS, read: (_window, _signal, urgency = 'live') => this.#read(arrived, urgency) };
  }

  async *#read(arrived: Promise<void>, urgency: Urgency): AsyncIterable<Page<MetricRecord>> {
    if (this.gone.length > 0) yield { items: [], read: 0, bytes: 0, gone: [...this.gone] };
    for (const minute of this.points.keys()) {
      this.calls.push(urgency);
      const p99 = this.points.get(minute) ?? 0;
      await arrived;
      yield { items: [this.#record(minute, p99)], read: 1, bytes: 1 };
    }
  }

  #record(minute: string, p99: number): MetricRecord {
    const eventMs = this.#clock.now() - (this.#clock.now() % MINUTE) - 5 * MINUTE;
    return { ...metricRecord(minute), eventId: `${minute}=${p99}`, values: { p99 }, eventMs };
  }
}

describe('reads of metric points side by side', () => {
  let rig: ReadingRig;
  let aws: CloudWatch;
  let reads: MetricReads;
  beforeEach(async () => {
    rig = await ReadingRig.start();
    aws = new CloudWatch(rig.clock);
    reads = new MetricReads({ ingest: rig.ingest, journal: rig.journal, clock: rig.clock });
  });
  afterEach(() => rig.dispose());

  /** A read whose answers wait for `goOn`. */
  function begin(urgency: Urgency) {
    const arrived = Promise.withResolvers<void>();
    const nowMs = rig.clock.now();
    const window: Window = { fromMs: nowMs - 10 * MINUTE, toMs: nowMs - 3 * MINUTE };
    const next = { readThroughMs: window.toMs, rereads: [] };
    const done = reads.read({
      source: aws.source(arrived.promise),
      window,
      urgency,
      signal: GO,
      ...(urgency === 'live' && { next }),
    });
    return { done, goOn: arrived.resolve };
  }

  async function rows() {
    const all = await rig.journal.readStream('metrics', 0, 100);
    return all.map(({ recordId, revision, record }) => [
      recordId,
      revision,
      record.kind === 'metric' ? record.values.p99 : undefined,
    ]);
  }

  async function seenAndStored(): Promise<readonly [number, number]> {
    const ledger = await rig.ledger();
    const sum = (pick: 'seen' | 'stored') => ledger.reduce((total, entry) => total + entry[pick], 0);
    return [sum('seen'), sum('stored')];
  }

  async function placeOrder(callsPerSecond: number): Promise<Backfill> {
    const { ingest, journal, clock } = rig;
    const nowMs = clock.now();
    const desk = await openOrderDesk(rig.files.path, clock);
    await desk.place({
      ...{ kind: 'backfill', id: 'o1', asked: '10 minutes', state: 'pending', progress: {} },
      ...{ createdMs: nowMs, fromMs: nowMs - 10 * MINUTE, toMs: nowMs, callsPerSecond },
    });
    await desk.close();
    const settings = {
      ...{ sliceMs: MINUTE, batchEvents: 100 },
      ...{ metricPeriodMs: MINUTE, metricSettleMs: 3 * MINUTE },
    };
    const isAuthorizer = () => false;
    return new Backfill({
      ...{ journal, ingest, metricReads: reads, clock, logger: silentLogger, settings, isAuthorizer },
    });
  }

  it('keep what was restated, also when a backfill holds an older answer to keep its rate', async () => {
    aws.points.set('10:00', 5).set('10:01', 6);
    const backfill = await placeOrder(0.1);
    const units = { logs: [], metrics: [{ unit: METRICS, source: aws.source() }], complete: true };
    const past = backfill.turn({ units, signal: GO, beforeRead: async () => undefined });
    await quiet();
    expect(aws.calls).toEqual(['ordered', 'ordered']);
    expect(rig.clock.sleeping).toBe(1);

    aws.points.set('10:01', 9);
    const settings = {
      ...{ periodMs: MINUTE, settleMs: 3 * MINUTE, revisitMs: 15 * MINUTE },
      ...{ firstReadMs: 10 * MINUTE, maxSpanMs: 360 * MINUTE },
    };
    const { ingest, clock } = rig;
    const unit = new MetricUnit({ source: aws.source(), ingest, reads, clock, settings });
    expect(await unit.poll(GO)).toBe(1);
    expect(await rows()).toEqual([
      ['10:00', 0, 5],
      ['10:01', 0, 9],
    ]);

    await rig.clock.advance(40 * SECOND);
    expect(await past).toMatchObject({ kind: 'done' });
    expect(await rows()).toEqual([
      ['10:00', 0, 5],
      ['10:01', 0, 9],
    ]);
    expect(await seenAndStored()).toEqual([2, 2]);
  });

  it('store what both bring once, and count it once', async () => {
    aws.points.set('10:00', 5).set('10:01', 6);
    const live = begin('live');
    const past = begin('ordered');
    live.goOn();
    past.goOn();
    expect((await live.done) + (await past.done)).toBe(2);
    expect(await rows()).toEqual([
      ['10:00', 0, 5],
      ['10:01', 0, 6],
    ]);
    expect(await seenAndStored()).toEqual([2, 2]);
  });

  it('ask again for a point on which they contradict each other: whichever answered first, the newest value stands', async () => {
    for (const [minute, first] of [
      ['10:00', 'older'],
      ['10:01', 'newer'],
    ] as const) {
      aws.points.clear();
      aws.points.set(minute, 5);
      const older = begin('ordered');
      await quiet();
      aws.points.set(minute, 9);
      const newer = begin('live');
      await quiet();
      for (const read of first === 'older' ? [older, newer] : [newer, older]) {
        read.goOn();
        await read.done;
      }
      expect((await rows()).filter(([id]) => id === minute).at(-1)?.[2]).toBe(9);
    }
    // One older value that stood until the newer was read; none of them twice.
    expect(await rows()).toEqual([
      ['10:00', 0, 5],
      ['10:00', 1, 9],
      ['10:01', 0, 9],
    ]);
    expect(await seenAndStored()).toEqual([3, 3]);
  });

  it('take a correction at once where nothing was stored while its call was out', async () => {
    aws.points.set('10:00', 5);
    const past = begin('ordered');
    past.goOn();
    await past.done;
    aws.points.set('10:00', 9);
    const live = begin('live');
    live.goOn();
    expect(await live.done).toBe(1);
    expect(aws.calls).toHaveLength(2);
    expect((await rows()).at(-1)).toEqual(['10:00', 1, 9]);
  });

  it('take a correction at once, too, from a call that began after the other had stored its point', async () => {
    aws.points.set('10:00', 5).set('10:01', 6);
    const live = begin('live');
    await quiet();
    const past = begin('ordered');
    past.goOn();
    await past.done;
    aws.points.set('10:01', 9);
    live.goOn();
    expect(await live.done).toBe(1);
    expect((await rows()).at(-1)).toEqual(['10:01', 1, 9]);
    expect(aws.calls).toHaveLength(4);
  });

  it('move the position only with a round that nothing contradicted', async () => {
    aws.points.set('10:00', 5);
    const live = begin('live');
    await quiet();
    aws.points.set('10:00', 9);
    const past = begin('ordered');
    past.goOn();
    await past.done;
    rig.failures.push(new Error('disk full'));
    live.goOn();
    // The one commit of the live read is that of its second round, which moves the position.
    await expect(live.done).rejects.toThrow('disk full');
    expect(rig.ingest.checkpointOf(METRICS)).toBeUndefined();
    expect(aws.calls).toHaveLength(3);
  });

  it('lose nothing when the commit of the first fails: the other stores it', async () => {
    aws.points.set('10:00', 5);
    const live = begin('live');
    const past = begin('ordered');
    rig.failures.push(new Error('disk full'));
    live.goOn();
    await expect(live.done).rejects.toThrow('disk full');
    past.goOn();
    expect(await past.done).toBe(1);
    expect(await rows()).toEqual([['10:00', 0, 5]]);
  });

  it('tell of a span that is gone once, and of what has gone since then alone', async () => {
    const reason = 'CloudWatch keeps metric points 455 days';
    aws.gone.push({ fromMs: 1 * MINUTE, toMs: 5 * MINUTE, reason });
    const live = begin('live');
    const past = begin('ordered');
    await Promise.all([live.done, past.done]);
    aws.gone.splice(0, 1, { fromMs: 0, toMs: 7 * MINUTE, reason });
    await begin('ordered').done;
    const gaps = await rig.journal.gaps();
    expect(gaps.map(({ fromMs, toMs }) => [fromMs / MINUTE, toMs / MINUTE])).toEqual([
      [0, 1],
      [1, 5],
      [5, 7],
    ]);
    expect(rig.meter.counts.get('gatewatch_gaps_total')).toBe(3);
  });
});
