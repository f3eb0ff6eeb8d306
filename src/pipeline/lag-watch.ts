import { formatDuration } from '../core/duration.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import type { LagMeter } from './lag-meter.ts';

/** All in milliseconds. */
export interface LagWatchSettings {
  readonly lagAllowanceMs: number;
  readonly maxOverlapMs: number;
  readonly rereadsMs: readonly number[];
}

/** What one re-read found that nobody had seen before. */
export interface LateFinds {
  /** Which of the ages the re-read was for. */
  readonly pass: number;
  readonly count: number;
  /** Longest time one of them took to become readable, milliseconds. */
  readonly longestMs: number;
}

/** Fewer events than this say nothing about 99 of 100. */
const ENOUGH_EVENTS = 100;
/** Lag that outgrew the allowance has to fall below this share of it before that is over. */
const OVER_SHARE = 0.8;
const MINUTE_MS = 60_000;

/**
 * Watches whether the lines of one log group still come within what is allowed for. Live reading follows the measured
 * lag up to its bound and re-reads find what came later, so nothing is lost at first; but a setting has become wrong,
 * and that is said once, with the setting to change.
 */
export class LagWatch {
  readonly #unit: string;
  readonly #logger: Logger;
  readonly #meter: Meter;
  readonly #settings: LagWatchSettings;
  #allowance: string | undefined;
  #lastPass: string | undefined;

  constructor(options: {
    readonly unit: string;
    readonly logger: Logger;
    readonly meter: Meter;
    readonly settings: LagWatchSettings;
  }) {
    this.#unit = options.unit;
    this.#logger = options.logger;
    this.#meter = options.meter;
    this.#settings = options.settings;
  }

  /** What has outgrown its setting, in words; undefined while all is within. */
  get remark(): string | undefined {
    const remarks = [this.#allowance, this.#lastPass].filter((remark) => remark !== undefined);
    return remarks.length === 0 ? undefined : remarks.join('; ');
  }

  /** After each read that was watched. */
  measured(lag: LagMeter): void {
    const p99Ms = lag.quantileMs(0.99);
    this.#meter.gauge('gatewatch_lag_p99_ms', p99Ms, { unit: this.#unit });
    const { lagAllowanceMs } = this.#settings;
    const isOver = lag.events >= ENOUGH_EVENTS && p99Ms > lagAllowanceMs;
    const isBack = p99Ms <= lagAllowanceMs * OVER_SHARE;
    if (this.#allowance === undefined ? !isOver : !isBack) return;
    const before = this.#allowance;
    this.#allowance = before === undefined ? this.#allowanceRemark(p99Ms) : undefined;
    this.#say(before, this.#allowance);
  }

  /** After each re-read. */
  found({ pass, count, longestMs }: LateFinds): void {
    const { rereadsMs } = this.#settings;
    const ageMs = rereadsMs[pass];
    if (ageMs === undefined) return;
    if (count > 0) {
      const labels = { unit: this.#unit, reread: formatDuration(ageMs) };
      this.#meter.count('gatewatch_events_late_total', count, labels);
      this.#logger.info({ ...labels, events: count, longestMs }, 'a re-read found lines that came late');
    }
    if (ageMs !== Math.max(...rereadsMs)) return;
    const before = this.#lastPass;
    const isOver = count > 0 && longestMs > ageMs / 2;
    if (isOver === (before !== undefined)) return;
    this.#lastPass = isOver ? lastPassRemark(ageMs, count, longestMs) : undefined;
    this.#say(before, this.#lastPass);
  }

  #allowanceRemark(p99Ms: number): string {
    const { lagAllowanceMs, maxOverlapMs } = this.#settings;
    const wanted = formatDuration(Math.ceil(p99Ms / MINUTE_MS) * MINUTE_MS);
    const reach =
      p99Ms > maxOverlapMs
        ? `live reading reaches back ${formatDuration(maxOverlapMs)} at most, so what is later comes with a re-read and records are revised`
        : 'live reading reaches back that far by itself';
    return `lines take up to ${formatDuration(p99Ms)} to become readable (99 of 100), longer than logs.lagAllowance (${formatDuration(lagAllowanceMs)}): ${reach}; set logs.lagAllowance to ${wanted}`;
  }

  #say(before: string | undefined, remark: string | undefined): void {
    this.#meter.gauge('gatewatch_lag_outgrown', this.remark === undefined ? 0 : 1, { unit: this.#unit });
    if (remark !== undefined) this.#logger.warn({ unit: this.#unit }, remark);
    else if (before !== undefined) this.#logger.info({ unit: this.#unit }, 'lines come in time again');
  }
}

function lastPassRemark(ageMs: number, count: number, longestMs: number): string {
  const lines = count === 1 ? 'a line' : `${count} lines`;
  const wanted = formatDuration(ageMs * 2);
  return `the last re-read, at ${formatDuration(ageMs)}, found ${lines} up to ${formatDuration(Math.round(longestMs / 1_000) * 1_000)} late, so later ones may be missed: add ${wanted} to logs.rereads, and read the past again with gatewatch backfill`;
}
