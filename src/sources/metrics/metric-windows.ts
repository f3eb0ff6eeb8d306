import type { Window } from '../../model/source-event.ts';

/** All in milliseconds. */
export interface MetricWindowInput {
  /** End of what was read whole. */
  readonly checkpointMs: number;
  readonly nowMs: number;
  readonly periodMs: number;
  readonly settleMs: number;
  readonly revisitMs: number;
  /** Longest window read in one go. */
  readonly maxSpanMs: number;
}

export interface MetricWindows {
  /** Never read before, oldest first, without a hole between them. */
  readonly fresh: readonly Window[];
  /** Read before, when the points were younger than `revisitMs` beyond settling: read again for corrections. */
  readonly revisit: readonly Window[];
  /** Both together, oldest first: CloudWatch bills by query and not by point, so one read of both costs half. */
  readonly together: readonly Window[];
}

/**
 * What to read now. All ends lie on multiples of the period, because an unaligned window makes CloudWatch cut a point in
 * two. Nothing younger than `settleMs` is read. What is revisited hangs on the checkpoint and not on the present: after
 * a pause it is the points last read young, wherever they lie, that may have been corrected since.
 */
export function planMetricWindows(input: MetricWindowInput): MetricWindows {
  const { periodMs } = input;
  const settled = floorTo(input.nowMs - input.settleMs, periodMs);
  const readThrough = floorTo(input.checkpointMs, periodMs);
  const revisitFrom = floorTo(readThrough - input.revisitMs, periodMs);
  const revisitTo = Math.min(readThrough, settled);
  const span = Math.max(periodMs, floorTo(input.maxSpanMs, periodMs));
  return {
    fresh: slices(readThrough, settled, span),
    revisit: slices(revisitFrom, revisitTo, span),
    together: slices(revisitFrom, Math.max(revisitTo, settled), span),
  };
}

/** Cuts `[fromMs, toMs)` into windows of at most `spanMs`; nothing when it is empty. */
function slices(fromMs: number, toMs: number, spanMs: number): Window[] {
  const windows: Window[] = [];
  for (let at = fromMs; at < toMs; at += spanMs)
    windows.push({ fromMs: at, toMs: Math.min(at + spanMs, toMs) });
  return windows;
}

export function floorTo(ms: number, stepMs: number): number {
  return Math.floor(ms / stepMs) * stepMs;
}

export function ceilTo(ms: number, stepMs: number): number {
  return Math.ceil(ms / stepMs) * stepMs;
}
