import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/model/journal.ts';
import type { Window } from '../../src/model/source-event.ts';
import {
  CATCH_UP_PASS,
  type LogPlanSettings,
  type LogTask,
  planBehind,
  planLive,
  planSettle,
  readWholeThrough,
  SETTLE_PASS,
  watermarkOf,
} from '../../src/pipeline/log-plan.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const START = Date.UTC(2026, 10, 22, 10, 0, 0);
const SETTINGS: LogPlanSettings = {
  firstReadMs: 30 * MINUTE,
  sliceMs: 10 * MINUTE,
  rereadsMs: [5 * MINUTE, HOUR, 24 * HOUR],
};

/** One log group under the plan, as the pipeline drives it: a read that breaks off leaves the checkpoint as it was. */
class Group {
  nowMs = START;
  checkpoint: Checkpoint | undefined;
  /** Windows that were read whole, with when. */
  readonly reads: { kind: LogTask['kind']; window: Window; atMs: number }[] = [];
  longestList = 0;

  live(overlapMs: number, breaksOff = false): void {
    this.#do(planLive(this.checkpoint, this.nowMs, { overlapMs }, SETTINGS), breaksOff);
  }

  /** A poll that leaves the late lines of its span to a read at the age of the allowance. */
  short(overlapMs: number, breaksOff = false): void {
    this.#do(planLive(this.checkpoint, this.nowMs, { overlapMs, settleMs: MINUTE }, SETTINGS), breaksOff);
  }

  /** False when nothing had settled. */
  settle(breaksOff = false): boolean {
    const task = this.checkpoint && planSettle(this.checkpoint, this.nowMs);
    this.#do(task, breaksOff);
    return task !== undefined;
  }

  /** False when nothing was to be done. */
  behind(breaksOff = false): boolean {
    if (this.checkpoint === undefined) return false;
    const task = planBehind(this.checkpoint, this.nowMs, SETTINGS);
    this.#do(task, breaksOff);
    return task !== undefined;
  }

  #do(task: LogTask | undefined, breaksOff: boolean): void {
    if (task === undefined || breaksOff) return;
    this.reads.push({ kind: task.kind, window: task.window, atMs: this.nowMs });
    const next = task.after(this.checkpoint);
    this.checkpoint = { unit: 'unit', version: (this.checkpoint?.version ?? 0) + 1, ...next };
    this.longestList = Math.max(this.longestList, next.rereads.length);
  }

  get holes(): readonly Window[] {
    return (this.checkpoint?.rereads ?? []).filter(({ pass }) => pass === CATCH_UP_PASS);
  }
}

/** Parts of `[fromMs, toMs)` that no window covers; none when it ends before it begins. */
function uncovered(fromMs: number, toMs: number, windows: readonly Window[]): Window[] {
  const found: Window[] = [];
  let at = fromMs;
  for (const window of [...windows].sort((a, b) => a.fromMs - b.fromMs)) {
    if (at >= toMs) return found;
    if (window.fromMs > at) found.push({ fromMs: at, toMs: Math.min(window.fromMs, toMs) });
    at = Math.max(at, window.toMs);
  }
  return at < toMs ? [...found, { fromMs: at, toMs }] : found;
}

/** What is due for a re-read at an age, once nothing is left to do, but was never read when it was that old. */
function missedAtAge({ nowMs, reads, checkpoint }: Group, ageMs: number): Window[] {
  // Neighbours grow together, so the last of a stretch decides when all of it is due.
  const dueToMs = nowMs - ageMs - Math.max(SETTINGS.sliceMs, ageMs / 12);
  const inTime = reads.flatMap(({ window, atMs }) => {
    const toMs = Math.min(window.toMs, atMs - ageMs);
    return toMs > window.fromMs ? [{ fromMs: window.fromMs, toMs }] : [];
  });
  const through = checkpoint?.readThroughMs ?? 0;
  return uncovered(START - SETTINGS.firstReadMs, Math.min(dueToMs, through), inTime);
}

type Step =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'live'; readonly overlapMs: number; readonly breaksOff: boolean }
  | { readonly kind: 'behind'; readonly breaksOff: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3 * MINUTE }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 30 * HOUR }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('live' as const),
      overlapMs: fc.integer({ min: 0, max: 2 * MINUTE }),
      breaksOff: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('behind' as const), breaksOff: fc.boolean() }) },
);

function play(group: Group, one: Step): void {
  if (one.kind === 'wait') group.nowMs += one.ms;
  else if (one.kind === 'live') group.live(one.overlapMs, one.breaksOff);
  else group.behind(one.breaksOff);
}

interface Poll {
  readonly kind: 'wait' | 'whole' | 'short' | 'settle' | 'behind';
  readonly ms: number;
  readonly breaksOff: boolean;
}

const poll: fc.Arbitrary<Poll> = fc.record({
  kind: fc.constantFrom<Poll['kind'][]>(
    'wait',
    'wait',
    'whole',
    'short',
    'short',
    'settle',
    'settle',
    'behind',
  ),
  ms: fc.integer({ min: 1, max: 40 * SECOND }),
  breaksOff: fc.boolean(),
});

const polls = fc.array(poll, { minLength: 5, maxLength: 80 });

/** `ms`: how long to wait; of a poll with a short reach, the half of it that it reaches back. */
function playPoll(group: Group, { kind, ms, breaksOff }: Poll): void {
  if (kind === 'wait') group.nowMs += ms;
  else if (kind === 'whole') group.live(MINUTE, breaksOff);
  else if (kind === 'short') group.short(ms / 2, breaksOff);
  else if (kind === 'settle') group.settle(breaksOff);
  else group.behind(breaksOff);
}

const steps = fc.array(step, { minLength: 5, maxLength: 120 });

describe('the reading plan of a log group', () => {
  it('never skips a time: what was not read live is a hole that is still to be caught up', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const group = new Group();
        let firstMs: number | undefined;
        for (const one of all) {
          const before = group.checkpoint;
          play(group, one);
          if (before === undefined && group.checkpoint !== undefined)
            firstMs = group.nowMs - SETTINGS.firstReadMs;
          if (firstMs === undefined || group.checkpoint === undefined) continue;
          const known = [...group.reads.map(({ window }) => window), ...group.holes];
          expect(uncovered(firstMs, group.checkpoint.readThroughMs, known)).toEqual([]);
        }
      }),
    );
  });

  it('has read everything from the first read to now once nothing is left to catch up', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const group = new Group();
        group.live(0);
        for (const one of all) play(group, one);
        group.live(0);
        while (group.behind());
        expect(group.holes).toEqual([]);
        const windows = group.reads.map(({ window }) => window);
        expect(uncovered(START - SETTINGS.firstReadMs, group.nowMs, windows)).toEqual([]);
      }),
    );
  });

  it('never moves the time read whole backwards, nor past a span that nobody has read', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const group = new Group();
        let through = Number.NEGATIVE_INFINITY;
        for (const one of all) {
          play(group, one);
          if (group.checkpoint === undefined) continue;
          const next = readWholeThrough(group.checkpoint);
          expect(next).toBeGreaterThanOrEqual(through);
          through = next;
          const windows = group.reads.map(({ window }) => window);
          expect(uncovered(Math.min(...windows.map(({ fromMs }) => fromMs)), through, windows)).toEqual([]);
        }
      }),
    );
  });

  it('reads at most one slice, and the overlap of late lines, at a time', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const group = new Group();
        for (const one of all) play(group, one);
        for (const { kind, window } of group.reads) {
          const most = kind === 'live' ? SETTINGS.sliceMs + 2 * MINUTE : SETTINGS.sliceMs;
          if (kind !== 'reread') expect(window.toMs - window.fromMs).toBeLessThanOrEqual(most);
          expect(window.toMs).toBeGreaterThan(window.fromMs);
        }
      }),
    );
  });

  it('reads every time again at each of its ages, or at a later one', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 30 * HOUR }), (all, restMs) => {
        const group = new Group();
        group.live(0);
        for (const one of all) play(group, one);
        group.nowMs += restMs;
        while (group.behind());
        for (const ageMs of SETTINGS.rereadsMs) expect(missedAtAge(group, ageMs)).toEqual([]);
      }),
    );
  });

  it('owes no re-read of a span before it is due, though one beside it was caught up at that age', () => {
    const group = new Group();
    group.live(0);
    group.nowMs += 9 * HOUR;
    group.behind();
    group.nowMs = START - 20 * MINUTE + 24 * HOUR + 1;
    while (group.behind());
    const late = { fromMs: START - 20 * MINUTE, toMs: START - 10 * MINUTE };
    expect(group.reads).toContainEqual({ kind: 'catch_up', window: late, atMs: group.nowMs });
    for (const ageMs of SETTINGS.rereadsMs) expect(missedAtAge(group, ageMs)).toEqual([]);

    group.nowMs = START + 26 * HOUR;
    while (group.behind());
    const kinds = group.reads.filter(({ atMs }) => atMs === group.nowMs).map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(['reread']));
    for (const ageMs of SETTINGS.rereadsMs) expect(missedAtAge(group, ageMs)).toEqual([]);
  });

  it('does not put a re-read off by the long slices of catching up', () => {
    const nowMs = START + 30 * MINUTE;
    const grown = { fromMs: START, toMs: START + 9 * MINUTE, dueMs: START + HOUR + 9 * MINUTE, pass: 1 };
    const due = { fromMs: grown.toMs, toMs: START + 20 * MINUTE, dueMs: START + 25 * MINUTE, pass: 0 };
    const checkpoint = { unit: 'unit', version: 1, readThroughMs: nowMs, rereads: [grown, due] };
    const task = planBehind(checkpoint, nowMs, { ...SETTINGS, sliceMs: 6 * HOUR });
    expect(task?.window).toEqual({ fromMs: due.fromMs, toMs: due.toMs });
    expect(task?.after(checkpoint).rereads).toContainEqual(grown);
  });

  it('keeps a short list over two days of polling every twenty seconds', () => {
    const group = new Group();
    for (const endMs = START + 48 * HOUR; group.nowMs < endMs; group.nowMs += 20 * SECOND) {
      group.live(MINUTE);
      group.behind();
    }
    expect(group.longestList).toBeLessThan(60);
    const perPass = SETTINGS.rereadsMs.map(
      (ageMs) =>
        group.reads.filter(({ kind, window, atMs }) => {
          return kind === 'reread' && atMs - window.toMs >= ageMs && atMs - window.toMs < 2 * ageMs;
        }).length,
    );
    expect(perPass[0]).toBeGreaterThan((47 * HOUR) / SETTINGS.sliceMs);
    expect(perPass[2]).toBeLessThan(30);
    const oldestMs = Math.max(...group.reads.map(({ window, atMs }) => atMs - window.fromMs));
    expect(oldestMs).toBeLessThanOrEqual(26 * HOUR + MINUTE);
  });

  it('tells nobody to stop waiting for a line that a read at the age of the allowance may still bring', () => {
    fc.assert(
      fc.property(polls, (all) => {
        const group = new Group();
        let watermark = Number.NEGATIVE_INFINITY;
        for (const one of all) {
          playPoll(group, one);
          if (group.checkpoint === undefined) continue;
          const next = watermarkOf(group.checkpoint, MINUTE);
          expect(next).toBeGreaterThanOrEqual(watermark);
          watermark = next;
          const settled = group.reads.flatMap(({ window, atMs }) => {
            const toMs = Math.min(window.toMs, atMs - MINUTE);
            return toMs > window.fromMs ? [{ fromMs: window.fromMs, toMs }] : [];
          });
          const fromMs = Math.min(...group.reads.map(({ window }) => window.fromMs));
          expect(uncovered(fromMs, watermark, settled)).toEqual([]);
        }
      }),
    );
  });

  it('reads every time once more when it has settled, and keeps nobody waiting for more than two minutes', () => {
    const group = new Group();
    group.live(MINUTE);
    while (group.behind());
    for (const endMs = START + HOUR; group.nowMs < endMs; group.nowMs += 20 * SECOND) {
      group.short(10 * SECOND);
      while (group.settle());
      const watermark = group.checkpoint === undefined ? 0 : watermarkOf(group.checkpoint, MINUTE);
      expect(group.nowMs - watermark).toBeLessThanOrEqual(2 * MINUTE);
    }
    const settled = group.reads.filter(({ kind }) => kind === 'settle').map(({ window }) => window);
    expect(uncovered(START - MINUTE, group.nowMs - 2 * MINUTE, settled)).toEqual([]);
    const spentMs = settled.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
    expect(spentMs).toBeLessThanOrEqual(HOUR);
  });

  it('leaves a span that is still to settle to that read, and reads it again after it', () => {
    const group = new Group();
    group.live(MINUTE);
    while (group.behind());
    group.nowMs += 20 * SECOND;
    group.short(10 * SECOND);
    group.nowMs += 10 * MINUTE;
    expect(group.behind()).toBe(false);
    expect(group.settle()).toBe(true);
    expect(group.reads.at(-1)?.window).toEqual({ fromMs: START - MINUTE, toMs: START + 20 * SECOND });
    expect(group.behind()).toBe(true);
  });

  it('settles nothing of which a part has not been read at all', () => {
    const hole = { fromMs: START - HOUR, toMs: START - MINUTE, dueMs: 0, pass: CATCH_UP_PASS };
    const span = { fromMs: START - 2 * MINUTE, toMs: START, dueMs: START + MINUTE, pass: SETTLE_PASS };
    const checkpoint = { unit: 'unit', version: 1, readThroughMs: START, rereads: [hole, span] };
    expect(planSettle(checkpoint, START + HOUR)).toBeUndefined();
    expect(planSettle({ ...checkpoint, rereads: [span] }, START + HOUR)?.kind).toBe('settle');
  });

  it('catches up before it reads again, and the oldest hole first', () => {
    const group = new Group();
    group.live(0);
    group.nowMs += 2 * HOUR;
    group.live(0);
    group.nowMs += 2 * HOUR;
    group.live(0);
    const kinds: string[] = [];
    const starts: number[] = [];
    while (group.behind()) {
      kinds.push(group.reads.at(-1)?.kind ?? '');
      starts.push(group.reads.at(-1)?.window.fromMs ?? 0);
    }
    const caughtUp = kinds.filter((kind) => kind === 'catch_up').length;
    expect(kinds.slice(0, caughtUp)).toEqual(Array(caughtUp).fill('catch_up'));
    expect(starts.slice(0, caughtUp)).toEqual(starts.slice(0, caughtUp).sort((a, b) => a - b));
    expect(caughtUp).toBe(24);
  });
});
