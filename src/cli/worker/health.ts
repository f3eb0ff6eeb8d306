import type { GatewatchConfig } from '../../config/gatewatch-config.ts';
import type { Clock } from '../../core/clock.ts';
import { trailBytesOf } from '../../model/journal-upkeep.ts';
import type { UpkeepStatus } from '../../pipeline/upkeep.ts';
import { type LaneHealth, type Readiness, readiness, type SourceState } from '../../web/readiness.ts';
import type { StorageHealth } from '../../web/storage-findings.ts';
import type { Runtime } from './runtime.ts';

/** How long after a record is due it may take to reach a sink, milliseconds. */
const DELIVERY_PROMISE_MS = 300_000;
/** How far a log group's reading may lie behind, beyond its lag allowance, milliseconds. */
const READ_PROMISE_MS = 300_000;
/** How long a gap is worth telling, milliseconds. */
const GAP_NOTICE_MS = 86_400_000;

export interface HealthState {
  readonly startedMs: number;
  stopping: boolean;
}

/** What `/readyz` says, from the worker and its journal as they are now. */
export async function readinessOf(
  runtime: Runtime,
  config: GatewatchConfig,
  clock: Clock,
  state: HealthState,
): Promise<Readiness> {
  const nowMs = clock.now();
  const status = runtime.worker.status();
  const { lanes: laneStates, gaps: allGaps } = await storedState(runtime);
  const stored = new Map(laneStates.map((lane) => [lane.lane, lane]));
  const gaps = allGaps.filter((gap) => gap.recordedMs > nowMs - GAP_NOTICE_MS);
  const sources = status.units.map(
    (unit): SourceState => ({
      unit: unit.unit,
      promiseMs: promiseOf(unit.unit, config),
      ...(unit.readThroughMs !== undefined && { readThroughMs: unit.readThroughMs }),
      ...(unit.held !== undefined && { held: unit.held }),
      ...(unit.lastError !== undefined && { lastError: unit.lastError }),
      ...(unit.missingSinceMs !== undefined && { missingSinceMs: unit.missingSinceMs }),
      ...(unit.remark !== undefined && { remark: unit.remark }),
    }),
  );
  const lanes = [...status.lanes, ...status.backfillLanes].map((lane): LaneHealth => {
    const row = stored.get(lane.lane.name);
    return {
      lane: lane.lane.name,
      pending: row?.pending ?? 0,
      // Old rows give way to live ones for as long as it takes: that makes no worker unready.
      ...(lane.lane.class === 'live' && { promiseMs: lanePromiseOf(lane.lane.stream, config) }),
      ...(row?.oldestPendingMs !== undefined && { oldestPendingMs: row.oldestPendingMs }),
      ...(lane.held !== undefined && {
        held: { reason: lane.held, sinceMs: lane.heldSinceMs ?? nowMs, everyMs: lane.heldProbeMs },
      }),
      ...(lane.trouble !== undefined && { trouble: lane.trouble }),
    };
  });
  const { remark } = runtime.clock;
  const drift = runtime.drift?.remark;
  const storage = storageOf(runtime.upkeep.status);
  return readiness({
    nowMs,
    sources,
    lanes,
    worker: { ...state, ...(remark !== undefined && { remark }) },
    gaps,
    ...(drift !== undefined && { drift }),
    ...(storage !== undefined && { storage }),
  });
}

/** A journal that cannot be read has said why by then, and that keeps the worker from being ready. */
async function storedState({ journal, upkeep }: Runtime) {
  try {
    return { lanes: await journal.lanes(), gaps: await journal.gaps() };
  } catch (error) {
    if (upkeep.status.intakeStop === undefined) throw error;
    return { lanes: [], gaps: [] };
  }
}

function storageOf(status: UpkeepStatus): StorageHealth | undefined {
  const { usage, budgets, daysLeft, intakeStop, scrub } = status;
  if (usage === undefined) return undefined;
  const { queueBytes, segments, diskFreeBytes } = usage;
  return {
    trailBytes: trailBytesOf(usage),
    trailBudgetBytes: budgets.trailBytes,
    queueBytes,
    queueBudgetBytes: budgets.queueBytes,
    segments,
    ...(diskFreeBytes !== undefined && { diskFreeBytes }),
    ...(daysLeft !== undefined && { daysLeft }),
    ...(intakeStop !== undefined && { intakeStop }),
    ...(scrub !== undefined && { damagedRows: scrub.damagedRows }),
    ...(scrub?.finishedMs !== undefined && { comparedMs: scrub.finishedMs }),
  };
}

function promiseOf(unit: string, { metrics, logs }: GatewatchConfig): number {
  if (unit.startsWith('alarms:')) return READ_PROMISE_MS;
  return unit.startsWith('metrics:')
    ? metrics.settle + metrics.period + 2 * READ_PROMISE_MS
    : logs.lagAllowance + READ_PROMISE_MS;
}

/** A record may wait for its partner as long as it may be held, then it must go out. */
function lanePromiseOf(stream: string, config: GatewatchConfig): number {
  const ready =
    stream === 'alarms'
      ? READ_PROMISE_MS
      : stream === 'metrics'
        ? promiseOf('metrics:', config)
        : promiseOf('logs:', config) + config.logs.maxHold;
  return ready + DELIVERY_PROMISE_MS;
}
