import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { at, backtestRig, DEFAULTS, ERRORS, IMPACT, type Minute, setOf, within } from './backtest-rig.ts';

const budgeted = (budget: string) => `${DEFAULTS}  timezone: America/New_York\n  budget: ${budget}\n`;

/** Busy, with an hour at 10 % errors last night, ten minutes at 3 % yesterday evening and slow ones this morning. */
function story(minuteMs: number): Minute {
  if (within(minuteMs, at(3), 60)) return { requests: 1_000, failed: 100 };
  if (within(minuteMs, at(20, 0, 1), 10)) return { requests: 1_000, failed: 30 };
  if (within(minuteMs, at(6), 40)) return { requests: 1_000, latencyMs: 9_000 };
  return { requests: 1_000 };
}

const BEFORE = {
  '_defaults.yaml': budgeted('{ monthly_usd: 60, pages_per_week: 20 }'),
  'core.yaml': setOf(
    ERRORS,
    IMPACT,
    '{ id: old, metric: errors.server, Statistic: Sum, Threshold: 20, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 1 }',
    '{ id: same, metric: errors.client, Statistic: Average, Threshold: 0.5, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 1 }',
  ),
};
const AFTER = setOf(
  ERRORS.replace('0.05', '0.02'),
  IMPACT,
  '{ id: slow, metric: latency, ExtendedStatistic: p99, Period: 300, Threshold: 5000, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 2 }',
  '{ id: same, metric: errors.client, Statistic: Average, Threshold: 0.5, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 1 }',
);

async function changedRig() {
  const rig = await backtestRig(story, BEFORE);
  expect(await rig.run('apply', '--yes')).toMatchObject({ code: 0 });
  rig.write('alarms/core.yaml', AFTER);
  return rig;
}

describe('gatewatch alarms plan --backtest', () => {
  it('prints what the golden file says: price first, firings and pages before and after', async () => {
    const rig = await changedRig();
    const { out, err, code } = await rig.run('plan', '--backtest', '--since', '1d');
    expect(code).toBe(2);
    expect(out).toBe(readFileSync(new URL('plan-backtest.golden.txt', import.meta.url), 'utf8'));
    // 5XXError with two statistics, p99 of Latency at five offsets and its SampleCount; not 4XXError, which stays.
    expect(err).toMatch(
      /^Reads 7 metrics in 6 calls: about \$0\.00 \(list price, unverified\)\.\n.*\[nobody-told\]\n$/,
    );
  });

  it('fails when the new alarms would page more than the budget allows, unless that is allowed', async () => {
    const rig = await changedRig();
    rig.write('alarms/_defaults.yaml', budgeted('{ pages_per_week: 7 }'));
    expect(await rig.run('plan', '--backtest', '--since', '1d')).toMatchObject({
      code: 1,
      err: expect.stringContaining('Expected at most 7 pages a week (budget.pages_per_week), got 14.0'),
    });
    expect((await rig.run('plan', '--backtest', '--since', '1d', '--allow-over-budget')).code).toBe(2);
    rig.write('alarms/_defaults.yaml', budgeted('{ pages_per_week: 14 }'));
    expect((await rig.run('plan', '--backtest', '--since', '1d')).code).toBe(2);
  });

  it('fails when the alarms would cost more than the budget allows, and apply writes nothing then', async () => {
    const rig = await changedRig();
    rig.write('alarms/_defaults.yaml', budgeted('{ monthly_usd: 0.79 }'));
    const over = expect.stringContaining('Expected at most $0.79 a month (budget.monthly_usd), got $0.80');
    expect(await rig.run('plan')).toMatchObject({ code: 1, err: over });
    const puts = rig.sandbox.counts.get('aws.PutMetricAlarm');
    expect(await rig.run('apply', '--yes')).toMatchObject({ code: 1, err: over });
    expect(rig.sandbox.counts.get('aws.PutMetricAlarm')).toBe(puts);
    expect((await rig.run('plan', '--allow-over-budget')).code).toBe(2);
    rig.write('alarms/_defaults.yaml', budgeted('{ monthly_usd: 0.80 }'));
    expect((await rig.run('plan')).code).toBe(2);
  });

  it('tells machines the outcome of each alarm before and after', async () => {
    const rig = await changedRig();
    const { out } = await rig.run('plan', '--backtest', '--since', '1d', '--json');
    const { backtest } = JSON.parse(out);
    expect(backtest).toMatchObject({
      from: '2026-11-15T12:00:00.000Z',
      to: '2026-11-16T12:00:00.000Z',
      pagesPerWeek: { before: 7, after: 14 },
    });
    expect(backtest.alarms).toContainEqual({
      id: 'core/slow[orders/prod]',
      before: null,
      after: expect.objectContaining({ kind: 'replayed' }),
    });
  });
});
