import type { StageInventory } from '../../model/inventory.ts';
import { publishedSignal } from '../log-signals.ts';
import type { LogSignal } from '../portable-metrics.ts';
import type { AlarmPrices } from '../prices.ts';

export interface PublishedPrice {
  /** Custom metrics: one for each stage and signal whose access log has what it takes. */
  readonly metrics: number;
  readonly dollarsPerMonth: number;
}

/** What the worker's own metrics cost a month, besides the calls that send them. */
export function publishedPrice(
  stages: readonly StageInventory[],
  signals: readonly LogSignal[],
  prices: Pick<AlarmPrices, 'customMetric'>,
): PublishedPrice {
  const metrics = stages.reduce(
    (sum, stage) =>
      sum + signals.filter((signal) => publishedSignal(signal, stage).kind === 'published').length,
    0,
  );
  return { metrics, dollarsPerMonth: metrics * prices.customMetric };
}
