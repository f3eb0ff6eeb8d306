import type { LogUnit } from '../pipeline/log-unit.ts';
import type { MetricUnit } from '../pipeline/metric-unit.ts';

export interface PolledUnit {
  readonly unit: string;
  poll(signal: AbortSignal): Promise<number>;
}

export interface Units {
  readonly logs: readonly LogUnit[];
  readonly metrics: readonly MetricUnit[];
  /** Absent: alarms are not followed. */
  readonly alarms?: readonly PolledUnit[];
}

/** Something else that is done by a schedule, one run at a time. */
export interface Chore {
  readonly name: string;
  readonly schedule: string;
  run(signal: AbortSignal): Promise<void>;
}
