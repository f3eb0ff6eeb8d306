import { expect, it } from 'vitest';
import { at, backtestRig, DEFAULTS, ERRORS, IMPACT, type Minute, setOf, within } from './backtest-rig.ts';

/** Half of the requests fail for ten minutes, three times. */
function trouble(minuteMs: number): Minute {
  const fails = [6, 12, 18].some((hour) => within(minuteMs, at(hour, 0, 1), 10));
  return { requests: 100, failed: fails ? 50 : 0 };
}

const never = ERRORS.replace('id: errors', 'id: never').replace(/Threshold: [\d.]+/, 'Threshold: 0.9');
const always = ERRORS.replace('id: errors', 'id: always')
  .replace(/Threshold: [\d.]+/, 'Threshold: 0.9')
  .replace('GreaterThanThreshold', 'LessThanThreshold');
const again = ERRORS.replace('id: errors', 'id: again').replace(/Threshold: [\d.]+/, 'Threshold: 0.04');

it('a backtest tells thresholds that are out of reach, and alarms that say the same', async () => {
  const rig = await backtestRig(trouble, {
    '_defaults.yaml': DEFAULTS,
    'core.yaml': setOf(ERRORS, IMPACT, never, always, again),
  });
  const { out } = await rig.run('backtest', '--since', '2d', '--json', '--allow-over-budget');
  const { findings }: { findings: { rule: string; id: string; got: string }[] } = JSON.parse(out);
  expect(findings.map(({ rule, id, got }) => [rule, id.replace('[orders/prod]', ''), got])).toEqual([
    ['always-together', 'core/errors', 'all 3 firings in the same minutes as core/again[orders/prod]'],
    ['never-breaching', 'core/never', 'none of 2880 windows beyond it'],
    ['always-breaching', 'core/always', 'all 2880 windows of the replayed time beyond it'],
    // A composite fires with its child, but not with what it does not read.
    ['always-together', 'core/impact', 'all 3 firings in the same minutes as core/again[orders/prod]'],
  ]);
  expect((await rig.run('backtest', '--since', '2d')).out).toContain('[never-breaching]');
});
