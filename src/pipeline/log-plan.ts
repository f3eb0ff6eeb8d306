import type { Checkpoint, Reread } from '../model/journal.ts';
import type { Window } from '../model/source-event.ts';

/** `catch_up`: a span nobody has read yet. Other passes count the re-reads of a span that was read. */
export const CATCH_UP_PASS = -1;

/** A span that was read with too short a reach back, and is read once more when its late lines are in. */
export const SETTLE_PASS = -2;

/** All in milliseconds. */
export interface LogPlanSettings {
  /** How far back the first read of a group goes. */
  readonly firstReadMs: number;
  /** Longest span read in one go; more than that behind, the rest is caught up in slices beside live reading. */
  readonly sliceMs: number;
  /** Ages at which a closed window is read again. */
  readonly rereadsMs: readonly number[];
}

export type Position = Omit<Checkpoint, 'unit' | 'version'>;

/** One piece of reading to do. */
export interface LogTask {
  readonly kind: 'live' | 'settle' | 'catch_up' | 'reread';
  readonly window: Window;
  /** For a re-read: which of the ages it is for. */
  readonly pass?: number;
  /**
   * What the checkpoint says once the window has been read whole, from what it says by then: live reading goes on while
   * a re-read is under way, and neither may undo what the other noted.
   */
  readonly after: (current: Checkpoint | undefined) => Position;
}

/** How far live reading reaches back for late lines, milliseconds. */
export interface LiveReach {
  readonly overlapMs: number;
  /** Given where `overlapMs` is shorter than late lines need: the age at which the span is read once more for them. */
  readonly settleMs?: number | undefined;
}

/**
 * The live task: from `readThrough` less the overlap that late lines need, up to now. A group far behind (first start,
 * long downtime) starts live reading `sliceMs` ago and leaves the span before it as `catch_up`.
 */
export function planLive(
  checkpoint: Checkpoint | undefined,
  nowMs: number,
  { overlapMs, settleMs }: LiveReach,
  settings: LogPlanSettings,
  sliceMs = settings.sliceMs,
): LogTask | undefined {
  const through = checkpoint?.readThroughMs ?? nowMs - settings.firstReadMs;
  if (through >= nowMs) return undefined;
  const start = Math.max(through, nowMs - sliceMs);
  const first = checkpoint === undefined || start > through;
  const hole: Reread = { fromMs: through, toMs: start, dueMs: 0, pass: CATCH_UP_PASS };
  const settling = settleMs === undefined ? [] : [settlingSpan(checkpoint, start, nowMs, settleMs)];
  return {
    kind: 'live',
    window: { fromMs: first ? start : start - overlapMs, toMs: nowMs },
    after: (current) => {
      const rereads = [...(current?.rereads ?? []), ...(start > through ? [hole] : []), ...settling];
      return {
        readThroughMs: Math.max(nowMs, current?.readThroughMs ?? nowMs),
        rereads: addReread(rereads, { fromMs: start, toMs: nowMs }, 0, nowMs, settings),
      };
    },
  };
}

/** Where the read before reached back all the way, what it left to this one is part of the span. */
function settlingSpan(
  checkpoint: Checkpoint | undefined,
  startMs: number,
  nowMs: number,
  settleMs: number,
): Reread {
  const continues = checkpoint?.rereads.some(({ pass, toMs }) => pass === SETTLE_PASS && toMs === startMs);
  const isNew = checkpoint?.readThroughMs !== startMs;
  const fromMs = continues === true || isNew ? startMs : startMs - settleMs;
  return { fromMs, toMs: nowMs, dueMs: nowMs + settleMs, pass: SETTLE_PASS };
}

/** The oldest span that has settled and is to be read once more; undefined when none has. */
export function planSettle(checkpoint: Checkpoint, nowMs: number): LogTask | undefined {
  const { rereads: all } = checkpoint;
  const due = all.filter(({ pass, dueMs }) => pass === SETTLE_PASS && dueMs <= nowMs);
  // What nobody has read yet is caught up first, and may be under way.
  const apart = due.filter(
    (span) =>
      !overlapsAny(
        span,
        all.filter(({ pass }) => pass === CATCH_UP_PASS),
      ),
  );
  const span = earliest(apart, ({ fromMs }) => fromMs);
  if (span === undefined) return undefined;
  const window = { fromMs: span.fromMs, toMs: span.toMs };
  const after = ({ readThroughMs, rereads } = checkpoint): Position => ({
    readThroughMs,
    rereads: withoutSpan(rereads, SETTLE_PASS, window),
  });
  return { kind: 'settle', window, after };
}

/** The oldest slice that was never read, else the re-read that is longest due; undefined when nothing is. */
export function planBehind(
  checkpoint: Checkpoint,
  nowMs: number,
  settings: LogPlanSettings,
): LogTask | undefined {
  return planCatchUp(checkpoint, nowMs, settings) ?? planReread(checkpoint, nowMs, settings);
}

function planCatchUp(checkpoint: Checkpoint, nowMs: number, settings: LogPlanSettings): LogTask | undefined {
  const holes = checkpoint.rereads.filter((reread) => reread.pass === CATCH_UP_PASS);
  const hole = earliest(holes, (reread) => reread.fromMs);
  if (hole === undefined) return undefined;
  const window = { fromMs: hole.fromMs, toMs: Math.min(hole.toMs, hole.fromMs + settings.sliceMs) };
  return { kind: 'catch_up', window, after: passDone(window, CATCH_UP_PASS, checkpoint, nowMs, settings) };
}

function planReread(checkpoint: Checkpoint, nowMs: number, settings: LogPlanSettings): LogTask | undefined {
  const settling = checkpoint.rereads.filter(({ pass }) => pass === SETTLE_PASS);
  const due = checkpoint.rereads
    .filter(({ pass, dueMs }) => pass >= 0 && dueMs <= nowMs)
    // Two reads of one span at the same time would make sense of the same late lines twice.
    .filter((reread) => !overlapsAny(reread, settling));
  const reread = earliest(due, (candidate) => candidate.dueMs);
  if (reread === undefined) return undefined;
  const { fromMs, toMs, pass } = reread;
  const window = { fromMs, toMs };
  return { kind: 'reread', window, pass, after: passDone(window, pass, checkpoint, nowMs, settings) };
}

function overlapsAny({ fromMs, toMs }: Window, others: readonly Window[]): boolean {
  return others.some((other) => other.fromMs < toMs && fromMs < other.toMs);
}

/** This pass over the window is done; the next one is noted. */
function passDone(
  window: Window,
  pass: number,
  planned: Checkpoint,
  nowMs: number,
  settings: LogPlanSettings,
): LogTask['after'] {
  return (current = planned) => ({
    readThroughMs: current.readThroughMs,
    rereads: addReread(withoutSpan(current.rereads, pass, window), window, pass + 1, nowMs, settings),
  });
}

/** What is left of the entries of a pass once a span of them was read; one may have grown while that was done. */
function withoutSpan(rereads: readonly Reread[], pass: number, span: Window): Reread[] {
  return rereads.flatMap((reread) => {
    if (reread.pass !== pass || reread.toMs <= span.fromMs || reread.fromMs >= span.toMs) return [reread];
    const before = { ...reread, toMs: span.fromMs };
    const behind = { ...reread, fromMs: span.toMs };
    return [before, behind].filter(({ fromMs, toMs }) => fromMs < toMs);
  });
}

/** What was never read of a unit before a moment, and its position without it: for what the place no longer holds. */
export function splitUnreadBefore(
  checkpoint: Checkpoint,
  beforeMs: number,
): { readonly unread: readonly Window[]; readonly position: Position } {
  const { readThroughMs, rereads } = checkpoint;
  const unread = rereads
    .filter(({ pass, fromMs }) => pass === CATCH_UP_PASS && fromMs < beforeMs)
    .map(({ fromMs, toMs }) => ({ fromMs, toMs: Math.min(toMs, beforeMs) }));
  if (readThroughMs < beforeMs) unread.push({ fromMs: readThroughMs, toMs: beforeMs });
  const left = rereads
    .map((reread) => ({ ...reread, fromMs: Math.max(reread.fromMs, beforeMs) }))
    .filter(({ fromMs, toMs }) => fromMs < toMs);
  return { unread, position: { readThroughMs: Math.max(readThroughMs, beforeMs), rereads: left } };
}

/** Least span to which the re-reads of neighbours grow together, milliseconds. */
const LEAST_REREAD_MS = 600_000;

/**
 * How long a span for a re-read at some age may grow. Its age counts from its end, so growing keeps its beginning
 * waiting: the slices of catching up, which can be hours, are no measure for it.
 */
export function longestRereadMs(ageMs: number): number {
  return Math.max(LEAST_REREAD_MS, ageMs / 12);
}

/**
 * Notes that a span wants its next pass: the first one whose age it has not reached yet, because a span read at that age
 * or later has had its chance. Neighbours of one pass grow together up to a twelfth of the pass's age, so that
 * a day of polling leaves dozens of entries, not thousands.
 */
function addReread(
  rereads: readonly Reread[],
  span: Window,
  firstPass: number,
  nowMs: number,
  settings: LogPlanSettings,
): Reread[] {
  const pass = settings.rereadsMs.findIndex((age, index) => index >= firstPass && span.toMs + age > nowMs);
  const ageMs = settings.rereadsMs[pass];
  if (ageMs === undefined) return [...rereads];
  const longest = longestRereadMs(ageMs);
  const next: Reread = { fromMs: span.fromMs, toMs: span.toMs, dueMs: span.toMs + ageMs, pass };
  const neighbour = rereads.find(
    (reread) => reread.pass === pass && reread.toMs === span.fromMs && span.toMs - reread.fromMs <= longest,
  );
  if (neighbour === undefined) return [...rereads, next];
  return [...rereads.filter((reread) => reread !== neighbour), { ...next, fromMs: neighbour.fromMs }];
}

/**
 * Event time through which the group was read whole at least once. A hole that is still to be caught up holds it back:
 * a line in front of the hole may have its partner inside.
 */
export function readWholeThrough(checkpoint: Checkpoint): number {
  let through = checkpoint.readThroughMs;
  for (const reread of checkpoint.rereads) {
    if (reread.pass === CATCH_UP_PASS) through = Math.min(through, reread.fromMs);
  }
  return through;
}

/** Event time before which nothing of the group will be read any more: all of it was read, and read again as often as it is. */
export function readFinallyThrough({ readThroughMs, rereads }: Position): number {
  return Math.min(readThroughMs, ...rereads.map(({ fromMs }) => fromMs));
}

/**
 * Event time through which every line was read that comes within the allowance: before that nobody waits for a line any
 * more. A span that still has to settle holds it back.
 */
export function watermarkOf(checkpoint: Checkpoint, allowanceMs: number): number {
  let watermark = readWholeThrough(checkpoint) - allowanceMs;
  for (const { pass, fromMs } of checkpoint.rereads) {
    if (pass === SETTLE_PASS) watermark = Math.min(watermark, fromMs);
  }
  return watermark;
}

function earliest<T>(items: readonly T[], time: (item: T) => number): T | undefined {
  let best: T | undefined;
  for (const item of items) if (best === undefined || time(item) < time(best)) best = item;
  return best;
}
