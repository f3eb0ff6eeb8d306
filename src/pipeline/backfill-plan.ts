import { matchesGlob } from '../inventory/glob.ts';
import type { BackfillOrder } from '../model/order.ts';
import type { Window } from '../model/source-event.ts';

/** Units an order is about, in the order of reading: decisions before the lines that name them. */
export interface ChosenUnits {
  readonly authorizers: readonly string[];
  readonly accesses: readonly string[];
  readonly metrics: readonly string[];
}

export interface UnitWindow {
  readonly unit: string;
  readonly window: Window;
}

/** One slice of time: the authorizers' windows are read whole before the access logs' are begun. */
export interface LogRound {
  readonly authorizers: readonly UnitWindow[];
  readonly accesses: readonly UnitWindow[];
}

/** A call costs the same quota however little it brings: slices of quiet groups grow up to this. */
export const LONGEST_SLICE_MS = 21_600_000;
/** CloudWatch bills a series once for each call, however many points it brings: long windows cost less. */
export const METRIC_SPAN_MS = 86_400_000;
export const UNITS_AT_ONCE = 2;

/** Authorizers are read this much ahead: the REPORT line of an invocation lies beyond the slice of its request, at times. */
const AHEAD_MS = 60_000;

export function chooseUnits(
  order: Pick<BackfillOrder, 'unit'>,
  units: { readonly logs: readonly string[]; readonly metrics: readonly string[] },
  isAuthorizer: (unit: string) => boolean,
): ChosenUnits {
  const { unit: pattern } = order;
  const isMeant = (unit: string) => pattern === undefined || matchesGlob(pattern, unit);
  const logs = units.logs.filter(isMeant);
  return {
    authorizers: logs.filter(isAuthorizer),
    accesses: logs.filter((unit) => !isAuthorizer(unit)),
    metrics: units.metrics.filter(isMeant),
  };
}

/** The order as begun: every unit it is about has a place in its progress, so that its share can be told by it alone. */
export function begun(order: BackfillOrder, chosen: ChosenUnits): BackfillOrder {
  const units = [...chosen.authorizers, ...chosen.accesses, ...chosen.metrics];
  const start = Object.fromEntries(units.map((unit) => [unit, order.fromMs]));
  return { ...order, state: 'running', progress: { ...start, ...order.progress } };
}

export function throughOf(order: BackfillOrder, unit: string): number {
  return order.progress[unit] ?? order.fromMs;
}

export function isBehind(order: BackfillOrder, unit: string): boolean {
  return throughOf(order, unit) < order.toMs;
}

/** The oldest slice that some unit has not read; undefined when all have read everything. */
export function planRound(
  order: BackfillOrder,
  { authorizers, accesses }: Pick<ChosenUnits, 'authorizers' | 'accesses'>,
  sliceMs: number,
): LogRound | undefined {
  const open = accesses.filter((unit) => isBehind(order, unit));
  const leaders = open.length > 0 ? open : authorizers.filter((unit) => isBehind(order, unit));
  if (leaders.length === 0) return undefined;
  const startMs = leaders.reduce((least, unit) => Math.min(least, throughOf(order, unit)), order.toMs);
  const endMs = Math.min(startMs + sliceMs, order.toMs);
  return {
    authorizers: windowsTo(order, authorizers, Math.min(endMs + AHEAD_MS, order.toMs)),
    accesses: windowsTo(order, accesses, endMs),
  };
}

function windowsTo(order: BackfillOrder, units: readonly string[], toMs: number): UnitWindow[] {
  return units.flatMap((unit) => {
    const fromMs = throughOf(order, unit);
    return fromMs < toMs ? [{ unit, window: { fromMs, toMs } }] : [];
  });
}

/** The part of a backfill that is done, 0 to 1: the mean over its units. */
export function progressShare(order: BackfillOrder): number {
  if (order.state === 'done') return 1;
  const throughs = Object.values(order.progress);
  const spanMs = order.toMs - order.fromMs;
  if (throughs.length === 0 || spanMs <= 0) return 0;
  const readMs = throughs.reduce((sum, through) => sum + (Math.min(through, order.toMs) - order.fromMs), 0);
  return readMs / (spanMs * throughs.length);
}
