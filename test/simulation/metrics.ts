import type { MetricDataAnswer, MetricDataRead, MetricQuery } from '../../src/aws/metric-data.ts';
import type { Random } from './random.ts';
import type { Tally } from './tally.ts';

const MINUTE_MS = 60_000;

export interface MetricClimate {
  readonly fromMs: number;
  readonly toMs: number;
  readonly tally: Tally;
}

/**
 * Metric points of the time in which there was traffic. A point is there from the end of its minute, tells less than the
 * whole for two minutes, and some are restated later.
 */
export class SimMetrics {
  readonly #climate: MetricClimate;
  readonly #salt: number;

  constructor(climate: MetricClimate, random: Random) {
    this.#climate = climate;
    this.#salt = random.int(1, 1_000_000);
  }

  answer(read: MetricDataRead, nowMs: number, isPartial: boolean): MetricDataAnswer {
    const results = read.queries.map((query, index) => {
      if (isPartial && index % 7 === 3) {
        this.#climate.tally.add('metric_partial_data');
        return {
          id: query.id,
          status: 'incomplete' as const,
          statusCode: 'PartialData',
          messages: [],
          points: [],
        };
      }
      const points = this.#minutes(read.fromMs, read.toMs, nowMs).map((timestampMs) => ({
        timestampMs,
        value: this.#valueAt(query, timestampMs, nowMs),
      }));
      return { id: query.id, status: 'complete' as const, statusCode: 'Complete', messages: [], points };
    });
    return { results, messages: [], notFinite: 0 };
  }

  /** What the last word on a point is. */
  finalValue(query: Pick<MetricQuery, 'metricName' | 'stat' | 'dimensions'>, timestampMs: number): number {
    return this.#valueAt(query, timestampMs, Number.POSITIVE_INFINITY);
  }

  get minutes(): number[] {
    return this.#minutes(0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  }

  #minutes(fromMs: number, toMs: number, nowMs: number): number[] {
    const first = Math.ceil(Math.max(fromMs, this.#climate.fromMs) / MINUTE_MS) * MINUTE_MS;
    const end = Math.min(toMs, this.#climate.toMs, nowMs - MINUTE_MS);
    const minutes: number[] = [];
    for (let at = first; at < end; at += MINUTE_MS) minutes.push(at);
    return minutes;
  }

  #valueAt(
    query: Pick<MetricQuery, 'metricName' | 'stat' | 'dimensions'>,
    timestampMs: number,
    nowMs: number,
  ): number {
    const minute = Math.round(timestampMs / MINUTE_MS);
    const text = `${query.metricName}${query.stat}${Object.values(query.dimensions).join('')}`;
    let mixed = this.#salt ^ minute;
    for (const character of text) mixed = (Math.imul(mixed, 31) + character.charCodeAt(0)) & 0xffff;
    const isRestated = (this.#salt + minute) % 5 === 0;
    const ageMs = nowMs - timestampMs;
    if (ageMs < 3 * MINUTE_MS) return Math.floor(mixed / 2);
    if (isRestated && ageMs < 8 * MINUTE_MS) return mixed;
    if (isRestated) this.#climate.tally.add('metric_restated');
    return isRestated ? mixed + 1 : mixed;
  }
}
