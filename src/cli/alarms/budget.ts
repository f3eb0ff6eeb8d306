import type { Expansion } from '../../alarms/expand-alarms.ts';
import type { AlarmPlan } from '../../alarms/plan-alarms.ts';
import { type AlarmPrices, monthlyTotals } from '../../alarms/prices.ts';

/** Time zone in which a page is one at night. */
export function timeZoneOf({ timeZone }: Pick<Expansion, 'timeZone'>): string {
  return timeZone ?? 'UTC';
}

/** Why a plan is over its monthly budget, in words; undefined when it is not. */
export function overPrice(plan: AlarmPlan, prices: AlarmPrices): string | undefined {
  const { monthlyUsd } = plan.expansion.budget;
  const { after } = monthlyTotals(plan, prices);
  if (monthlyUsd === undefined || after <= monthlyUsd + 0.005) return undefined;
  return `Expected at most $${monthlyUsd.toFixed(2)} a month (budget.monthly_usd), got $${after.toFixed(2)}: leave alarms out, raise the budget, or say --allow-over-budget`;
}

/** Why alarms page more than their budget allows, in words; undefined when they do not. */
export function overPages({ budget }: Pick<Expansion, 'budget'>, pagesPerWeek: number): string | undefined {
  const { pagesPerWeek: most } = budget;
  if (most === undefined || pagesPerWeek <= most) return undefined;
  return `Expected at most ${most} pages a week (budget.pages_per_week), got ${pagesPerWeek.toFixed(1)}: raise thresholds or durations, raise the budget, or say --allow-over-budget`;
}
