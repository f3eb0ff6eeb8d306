import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IncompleteReadError } from '../../src/core/errors.ts';
import type { LogPart } from '../../src/model/part.ts';
import type { Source } from '../../src/model/source-event.ts';
import { createLagMeter, LogUnit, type LogUnitSettings } from '../../src/pipeline/log-unit.ts';
import { readLogUnit } from '../../src/pipeline/read-log-unit.ts';
import { quiet } from '../support/fake-clock.ts';
import { line, page, ReadingRig, type Script, ScriptedSource, UNIT } from './reading-rig.ts';

const MINUTE = 60_000;
const SETTINGS: LogUnitSettings = {
  firstReadMs: MINUTE,
  sliceMs: 30 * MINUTE,
  rereadsMs: [5 * MINUTE],
  lagAllowanceMs: MINUTE,
  maxOverlapMs: 2 * MINUTE,
  batchEvents: 3,
};
const GO = new AbortController().signal;

let rig: ReadingRig;
beforeEach(async () => {
  rig = await ReadingRig.start();
});
afterEach(() => rig.dispose());

function at(agoMs: number): number {
  return rig.clock.now() - agoMs;
}

function unitOver(...scripts: Script<LogPart>[]): { unit: LogUnit; source: ScriptedSource<LogPart> } {
  const source = new ScriptedSource<LogPart>(UNIT, ...scripts);
  const { ingest, journal, clock } = rig;
  const unit = new LogUnit({
    source,
    ingest,
    journal,
    clock,
    lag: createLagMeter(SETTINGS),
    settings: SETTINGS,
  });
  return { unit, source };
}

describe('reading one window of a log group', () => {
  it('commits slices as it goes and moves the position with the last one alone', async () => {
    const lines = ['a', 'b', 'c', 'd', 'e'].map((id, n) => line(id, at(9_000 - n)));
    const { unit } = unitOver([
      page(lines.slice(0, 2)),
      page(lines.slice(2, 4)),
      page([]),
      page(lines.slice(4)),
    ]);
    expect(await unit.pollLive(GO)).toBe(5);
    expect(
      rig.commits.map(({ records, nextCheckpoint }) => [records.length, nextCheckpoint !== undefined]),
    ).toEqual([
      [4, false],
      [1, true],
    ]);
    expect(await rig.requests()).toEqual(['ext-a', 'ext-b', 'ext-c', 'ext-d', 'ext-e']);
  });

  it('leaves the position when the window breaks off, and keeps what it brought', async () => {
    const lines = ['a', 'b', 'c', 'd'].map((id, n) => line(id, at(9_000 - n)));
    const { unit } = unitOver(
      [page(lines.slice(0, 3)), page(lines.slice(3)), new IncompleteReadError('the token repeated')],
      [page(lines)],
    );
    await expect(unit.pollLive(GO)).rejects.toThrow('the token repeated');
    expect(await rig.requests()).toEqual(['ext-a', 'ext-b', 'ext-c']);
    expect(rig.ingest.checkpointOf(UNIT)).toBeUndefined();
    expect(await unit.pollLive(GO)).toBe(1);
    expect(await rig.requests()).toEqual(['ext-a', 'ext-b', 'ext-c', 'ext-d']);
  });

  it('asks for the same window again after one that broke off', async () => {
    const { unit, source } = unitOver([new IncompleteReadError('no answer')], [page([])]);
    await expect(unit.pollLive(GO)).rejects.toThrow();
    await unit.pollLive(GO);
    expect(source.windows[0]).toEqual(source.windows[1]);
  });

  it('stores an event once that two pages of a window show', async () => {
    const twice = line('a', at(9_000));
    const { unit } = unitOver([page([twice]), page([twice, line('b', at(8_000))])]);
    expect(await unit.pollLive(GO)).toBe(2);
    expect(await rig.requests()).toEqual(['ext-a', 'ext-b']);
    const [entry] = await rig.ledger();
    expect(entry).toMatchObject({ read: 3, seen: 2, stored: 2 });
  });

  it('lets go of keys that are on disk, and asks the journal when a window shows their time once more', async () => {
    const old = ['a', 'b', 'c'].map((id, n) => line(id, at(10 * MINUTE - n)));
    const later = ['d', 'e', 'f'].map((id, n) => line(id, at(5 * MINUTE - n)));
    const script = [page([...old, ...later]), page(old), page([])];
    const asked: (readonly [number, number])[] = [];
    const window = { fromMs: at(20 * MINUTE), toMs: at(0) };
    const events = await readLogUnit({
      source: new ScriptedSource<LogPart>(UNIT, script),
      task: { kind: 'backfill', window },
      ingest: rig.ingest,
      seenIn: async (unit, fromMs, toMs) => {
        asked.push([fromMs, toMs]);
        return rig.journal.seenIn(unit, fromMs, toMs);
      },
      batchEvents: 3,
      signal: GO,
    });
    expect(events).toBe(6);
    expect(await rig.requests()).toHaveLength(6);
    expect(asked).toEqual([
      [window.fromMs, window.toMs],
      [at(10 * MINUTE), at(10 * MINUTE - 2)],
    ]);
  });

  it('drops what is stored when it reaches back for late lines, also as a new worker', async () => {
    const known = line('a', at(9_000));
    await unitOver([page([known])]).unit.pollLive(GO);
    await rig.restart();
    rig.clock.skip(20_000);
    const late = line('late', at(30_000));
    const { unit, source } = unitOver([page([late, known])]);
    expect(await unit.pollLive(GO)).toBe(1);
    expect(source.windows[0]).toEqual({ fromMs: at(20_000 + SETTINGS.lagAllowanceMs), toMs: at(0) });
    expect(await rig.requests()).toEqual(['ext-a', 'ext-late']);
  });

  it('asks a source to make sense of nothing that is stored', async () => {
    const { ingest, journal, clock } = rig;
    const known: boolean[] = [];
    const lines = [line('a', at(9_000)), line('b', at(8_000))];
    const source: Source<LogPart> = {
      unit: UNIT,
      async *read(_window, _signal, _urgency, isKnown) {
        const shown = known.length === 0 ? lines.slice(0, 1) : lines;
        for (const { source: event } of shown) known.push(isKnown?.(event) ?? false);
        yield page(shown);
      },
    };
    const lag = createLagMeter(SETTINGS);
    const unit = new LogUnit({ source, ingest, journal, clock, lag, settings: SETTINGS });
    await unit.pollLive(GO);
    rig.clock.skip(20_000);
    await unit.pollLive(GO);
    expect(known).toEqual([false, true, false]);
    expect(await rig.requests()).toEqual(['ext-a', 'ext-b']);
  });

  it('goes on to what is new once a poll takes long, and reads late lines when their span has settled', async () => {
    const { unit, source } = unitOver();
    const takes = (ms: number) => {
      source.onRead = async () => rig.clock.skip(ms);
    };
    takes(5_000);
    await unit.pollLive(GO);
    const firstMs = rig.clock.now() - 5_000;
    takes(0);
    rig.clock.skip(15_000);
    await unit.pollLive(GO);
    expect(source.windows[1]).toEqual({ fromMs: firstMs - 5_000, toMs: firstMs + 20_000 });
    expect(rig.ingest.watermarkOf(UNIT)).toBe(firstMs - MINUTE);
    expect(await unit.pollSettled(GO)).toBe(false);
    rig.clock.skip(MINUTE);
    expect(await unit.pollSettled(GO)).toBe(true);
    expect(source.windows[2]).toEqual({ fromMs: firstMs - MINUTE, toMs: firstMs + 20_000 });
    expect(await unit.pollSettled(GO)).toBe(false);
    expect(rig.ingest.watermarkOf(UNIT)).toBe(firstMs - 40_000);
    await unit.pollLive(GO);
    expect(source.windows[3]?.fromMs).toBe(firstMs - 40_000);
  });

  it('never reads a span live while it settles, also when polls reach back all the way again', async () => {
    const { unit, source } = unitOver();
    const takes = (ms: number) => {
      source.onRead = async () => rig.clock.skip(ms);
    };
    takes(5_000);
    await unit.pollLive(GO);
    takes(2_000);
    rig.clock.skip(15_000);
    await unit.pollLive(GO);
    const settlesToMs = at(2_000);
    rig.clock.skip(33_000);
    await unit.pollLive(GO);
    const gates: (() => void)[] = [];
    source.onRead = () => new Promise((go) => gates.push(go));
    rig.clock.skip(22_500);
    const quick = unit.pollLive(GO);
    await quiet();
    rig.clock.skip(500);
    const settling = unit.pollSettled(GO);
    await quiet();
    expect(source.windows.at(-1)?.toMs).toBe(settlesToMs);
    gates[0]?.();
    await quick;
    rig.clock.skip(20_000);
    const next = unit.pollLive(GO);
    await quiet();
    expect(source.windows.at(-1)?.fromMs).toBeGreaterThanOrEqual(settlesToMs);
    for (const open of gates) open();
    await Promise.all([settling, next]);
  });

  it('reads a closed window again at its age and adds only what is new', async () => {
    const known = line('a', at(9_000));
    const late = line('late', at(8_000));
    const { unit, source } = unitOver([page([known])], [page([known, late])]);
    await unit.pollLive(GO);
    expect(await unit.pollBehind(GO)).toBe(false);
    rig.clock.skip(5 * MINUTE);
    expect(await unit.pollBehind(GO)).toBe(true);
    expect(source.windows[1]).toEqual(source.windows[0]);
    expect(await rig.requests()).toEqual(['ext-a', 'ext-late']);
    expect(await unit.pollBehind(GO)).toBe(false);
  });

  it('reads live first after a long pause and catches up in slices beside it', async () => {
    const { unit, source } = unitOver([page([])]);
    await unit.pollLive(GO);
    const stoppedMs = rig.clock.now();
    rig.clock.skip(100 * MINUTE);
    await unit.pollLive(GO);
    const liveFromMs = source.windows[1]?.fromMs ?? 0;
    expect(source.windows[1]?.toMs).toBe(rig.clock.now());
    expect(liveFromMs).toBeGreaterThanOrEqual(at(SETTINGS.sliceMs));
    expect(rig.ingest.readWholeThrough(UNIT)).toBe(stoppedMs);
    while (await unit.pollBehind(GO));
    expect(rig.ingest.readWholeThrough(UNIT)).toBe(rig.clock.now());
    let atMs = stoppedMs;
    for (const window of source.windows.slice(2)) if (window.fromMs === atMs) atMs = window.toMs;
    expect(atMs).toBe(liveFromMs);
  });

  it('stops between two pages when it is told to, and keeps the position', async () => {
    const stop = new AbortController();
    const { unit } = unitOver([page([line('a', at(9_000))]), page([line('b', at(8_000))])]);
    const original = unit.source.read.bind(unit.source);
    const source = {
      unit: UNIT,
      async *read(...args: Parameters<typeof original>) {
        for await (const next of original(...args)) {
          yield next;
          stop.abort(new Error('stopping'));
        }
      },
    };
    const { ingest, journal, clock } = rig;
    const stopped = new LogUnit({
      source,
      ingest,
      journal,
      clock,
      lag: createLagMeter(SETTINGS),
      settings: SETTINGS,
    });
    await expect(stopped.pollLive(stop.signal)).rejects.toThrow('stopping');
    expect(ingest.checkpointOf(UNIT)).toBeUndefined();
  });

  it('measures lag on live reading, not on what is read late on purpose', async () => {
    const slow = (id: string) => ({
      ...line(id, at(0)),
      source: { ...line(id, at(0)).source, ingestionMs: at(-90_000) },
    });
    const { unit } = unitOver([page([slow('a')])]);
    expect(unit.lag.allowanceMs).toBe(MINUTE);
    await unit.pollLive(GO);
    expect(unit.lag.allowanceMs).toBeGreaterThan(90_000);
  });
});
