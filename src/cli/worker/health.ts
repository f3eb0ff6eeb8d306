import type { GatewatchConfig } from '../../config/gatewatch-config.ts';
import type { Clock } from '../../core/clock.ts';
import { type LaneHealth, type Readiness, readiness, type SourceState } from '../../web/readiness.ts';
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
  const stored = new Map((await runtime.journal.lanes()).map((lane) => [lane.lane, lane]));
  const gaps = (await runtime.journal.gaps()).filter((gap) => gap.recordedMs > nowMs - GAP_NOTICE_MS);
  const sources = status.units.map(
    (unit): SourceState => ({
      unit: unit.unit,
      promiseMs: promiseOf(unit.unit, config),
      ...(unit.readThroughMs !== undefined && { readThroughMs: unit.readThroughMs }),
      ...(unit.held !== undefined && { held: unit.held }),
      ...(unit.lastError !== undefined && { lastError: unit.lastError }),
    }),
  );
  const lanes = status.lanes.map((lane): LaneHealth => {
    const row = stored.get(lane.lane.name);
    return {
      lane: lane.lane.name,
      pending: row?.pending ?? 0,
      promiseMs: lanePromiseOf(lane.lane.stream, config),
      ...(row?.oldestPendingMs !== undefined && { oldestPendingMs: row.oldestPendingMs }),
      ...(lane.held !== undefined && { held: { reason: lane.held, sinceMs: lane.heldSinceMs ?? nowMs } }),
      ...(lane.trouble !== undefined && { trouble: lane.trouble }),
    };
  });
  return readiness({ nowMs, sources, lanes, worker: { ...state }, gaps });
}

function promiseOf(unit: string, { metrics, logs }: GatewatchConfig): number {
  return unit.startsWith('metrics:')
    ? metrics.settle + metrics.period + 2 * READ_PROMISE_MS
    : logs.lagAllowance + READ_PROMISE_MS;
}

/** A record may wait for its partner as long as it may be held, then it must go out. */
function lanePromiseOf(stream: string, config: GatewatchConfig): number {
  const ready =
    stream === 'metrics' ? promiseOf('metrics:', config) : promiseOf('logs:', config) + config.logs.maxHold;
  return ready + DELIVERY_PROMISE_MS;
}
