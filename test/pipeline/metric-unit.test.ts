import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IncompleteReadError } from '../../src/core/errors.ts';
import type { MetricRecord } from '../../src/model/metric-record.ts';
import { MetricReads } from '../../src/pipeline/metric-reads.ts';
import { MetricUnit } from '../../src/pipeline/metric-unit.ts';
import { metricRecord } from '../contract/journal-records.ts';
import { page, ReadingRig, type Script, ScriptedSource } from './reading-rig.ts';

const MINUTE = 60_000;
const METRICS = 'metrics:111122223333:eu-west-1';
const SETTINGS = {
  periodMs: MINUTE,
  settleMs: 3 * MINUTE,
  revisitMs: 15 * MINUTE,
  firstReadMs: 10 * MINUTE,
  maxSpanMs: 360 * MINUTE,
};
const GO = new AbortController().signal;

let rig: ReadingRig;
beforeEach(async () => {
  rig = await ReadingRig.start();
});
afterEach(() => rig.dispose());

function unitOver(...scripts: Script<MetricRecord>[]) {
  const source = new ScriptedSource<MetricRecord>(METRICS, ...scripts);
  const { ingest, journal, clock } = rig;
  const reads = new MetricReads({ ingest, journal, clock });
  return { source, unit: new MetricUnit({ source, ingest, reads, clock, settings: SETTINGS }) };
}

/** A point of one series: its id is its minute, its event id also its value. */
function point(minute: string, p99: number): MetricRecord {
  return { ...metricRecord(minute), eventId: `${minute}=${p99}`, values: { p99 }, eventMs: rig.clock.now() };
}

async function rows() {
  const all = await rig.journal.readStream('metrics', 0, 100);
  return all.map(({ recordId, revision, record }) => [
    recordId,
    revision,
    record.kind === 'metric' ? record.values.p99 : undefined,
  ]);
}

describe('the metrics of one account and Region', () => {
  it('are read up to what has settled, from as far back as is configured', async () => {
    const { unit, source } = unitOver([page([point('10:00', 5)])]);
    expect(await unit.poll(GO)).toBe(1);
    const nowMs = rig.clock.now();
    expect(source.windows).toEqual([{ fromMs: nowMs - 10 * MINUTE, toMs: nowMs - 3 * MINUTE }]);
    expect(await rows()).toEqual([['10:00', 0, 5]]);
    expect(rig.ingest.readWholeThrough(METRICS)).toBe(nowMs - 3 * MINUTE);
  });

  it('are not asked for again before another period has settled', async () => {
    const { unit, source } = unitOver([page([point('10:00', 5)])]);
    await unit.poll(GO);
    rig.clock.skip(MINUTE - 1);
    expect(await unit.poll(GO)).toBe(0);
    expect(source.windows).toHaveLength(1);
  });

  it('keep a corrected point as a revision and a repeated one not at all', async () => {
    const { unit, source } = unitOver(
      [page([point('10:00', 5), point('10:01', 6)])],
      [page([point('10:00', 5), point('10:01', 9)]), page([point('10:02', 7)])],
    );
    await unit.poll(GO);
    const readThroughMs = rig.clock.now() - 3 * MINUTE;
    rig.clock.skip(MINUTE);
    expect(await unit.poll(GO)).toBe(2);
    expect(source.windows[1]).toEqual({ fromMs: readThroughMs - 15 * MINUTE, toMs: readThroughMs + MINUTE });
    expect(await rows()).toEqual([
      ['10:00', 0, 5],
      ['10:01', 0, 6],
      ['10:01', 1, 9],
      ['10:02', 0, 7],
    ]);
  });

  it('take in a point that comes late, after its minute was read empty', async () => {
    const { unit } = unitOver([page([])], [page([point('10:00', 5)])]);
    await unit.poll(GO);
    rig.clock.skip(MINUTE);
    expect(await unit.poll(GO)).toBe(1);
    expect(await rows()).toEqual([['10:00', 0, 5]]);
  });

  it('keep what came whole of a read that broke off, and read the window again', async () => {
    const { unit, source } = unitOver(
      [page([point('10:00', 5)]), new IncompleteReadError('p99 not complete')],
      [page([point('10:00', 5), point('10:01', 6)])],
    );
    await expect(unit.poll(GO)).rejects.toThrow('p99 not complete');
    expect(rig.ingest.checkpointOf(METRICS)).toBeUndefined();
    // Never more points seen than read, also in the middle of a window.
    expect(await rig.ledger()).toMatchObject([{ read: 1, seen: 1, stored: 1 }]);
    await unit.poll(GO);
    expect(source.windows[1]).toEqual(source.windows[0]);
    expect(await rows()).toEqual([
      ['10:00', 0, 5],
      ['10:01', 0, 6],
    ]);
  });

  it('lose no minute over a pause, also as a new worker', async () => {
    await unitOver([page([])]).unit.poll(GO);
    const stoppedMs = rig.clock.now() - 3 * MINUTE;
    await rig.restart();
    rig.clock.skip(1_000 * MINUTE);
    const { unit, source } = unitOver();
    await unit.poll(GO);
    let atMs = stoppedMs - 15 * MINUTE;
    for (const window of source.windows) {
      expect(window.fromMs).toBe(atMs);
      expect(window.toMs - window.fromMs).toBeLessThanOrEqual(SETTINGS.maxSpanMs);
      atMs = window.toMs;
    }
    expect(atMs).toBe(rig.clock.now() - 3 * MINUTE);
    expect(rig.ingest.readWholeThrough(METRICS)).toBe(atMs);
  });

  it('account for what they stored and for what they read', async () => {
    const { unit } = unitOver(
      [page([point('10:00', 5), point('10:01', 6)])],
      [page([point('10:01', 6), point('10:02', 1)])],
    );
    await unit.poll(GO);
    rig.clock.skip(MINUTE);
    await unit.poll(GO);
    const ledger = await rig.ledger();
    const sum = (key: 'read' | 'seen' | 'stored') => ledger.reduce((total, entry) => total + entry[key], 0);
    expect([sum('read'), sum('seen'), sum('stored')]).toEqual([4, 3, 3]);
  });
});
