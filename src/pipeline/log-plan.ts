import type { Checkpoint, Reread } from '../model/journal.ts';
import type { Window } from '../model/source-event.ts';

/** `catch_up`: a span nobody has read yet. Other passes count the re-reads of a span that was read. */
export const CATCH_UP_PASS = -1;

/** All in milliseconds. */
export interface LogPlanSettings {
  /** How far back the first read of a group goes. */
  readonly firstReadMs: number;
  /** Longest span read in one go; more than that behind, the rest is caught up in slices beside live reading. */
  readonly sliceMs: number;
  /** Ages at which a closed window is read again. */
  readonly rereadsMs: readonly number[];
}

/** One piece of reading to do, and what the checkpoint says once it is done. */
export interface LogTask {
  readonly kind: 'live' | 'catch_up' | 'reread';
  readonly window: Window;
  readonly next: Omit<Checkpoint, 'unit' | 'version'>;
}

/**
 * The live task: from `readThrough` less the overlap that late lines need, up to now. A group far behind (first start,
 * long downtime) starts live reading `sliceMs` ago and leaves the span before it as `catch_up`.
 */
export function planLive(
  checkpoint: Checkpoint | undefined,
  nowMs: number,
  overlapMs: number,
  settings: LogPlanSettings,
  sliceMs = settings.sliceMs,
): LogTask | undefined {
  const through = checkpoint?.readThroughMs ?? nowMs - settings.firstReadMs;
  if (through >= nowMs) return undefined;
  const rereads = [...(checkpoint?.rereads ?? [])];
  const start = Math.max(through, nowMs - sliceMs);
  if (start > through) rereads.push({ fromMs: through, toMs: start, dueMs: 0, pass: CATCH_UP_PASS });
  const first = checkpoint === undefined || start > through;
  const window = { fromMs: first ? start : start - overlapMs, toMs: nowMs };
  return {
    kind: 'live',
    window,
    next: {
      readThroughMs: nowMs,
      rereads: addReread(rereads, { fromMs: start, toMs: nowMs }, 0, nowMs, settings),
    },
  };
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
  const rest = checkpoint.rereads.filter((reread) => reread !== hole);
  if (window.toMs < hole.toMs) rest.push({ ...hole, fromMs: window.toMs });
  return {
    kind: 'catch_up',
    window,
    next: { readThroughMs: checkpoint.readThroughMs, rereads: addReread(rest, window, 0, nowMs, settings) },
  };
}

function planReread(checkpoint: Checkpoint, nowMs: number, settings: LogPlanSettings): LogTask | undefined {
  const due = checkpoint.rereads.filter((reread) => reread.pass !== CATCH_UP_PASS && reread.dueMs <= nowMs);
  const reread = earliest(due, (candidate) => candidate.dueMs);
  if (reread === undefined) return undefined;
  const rest = checkpoint.rereads.filter((candidate) => candidate !== reread);
  return {
    kind: 'reread',
    window: { fromMs: reread.fromMs, toMs: reread.toMs },
    next: {
      readThroughMs: checkpoint.readThroughMs,
      rereads: addReread(rest, reread, reread.pass + 1, nowMs, settings),
    },
  };
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
  const longest = Math.max(settings.sliceMs, ageMs / 12);
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

function earliest<T>(items: readonly T[], time: (item: T) => number): T | undefined {
  let best: T | undefined;
  for (const item of items) if (best === undefined || time(item) < time(best)) best = item;
  return best;
}
