import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HistoryFiles } from '../../src/cli/alarms/history-files.ts';
import { at, backtestRig, DAY_MS, DEFAULTS, ERRORS, MINUTE_MS, NOW_MS, setOf } from './backtest-rig.ts';

const SLOW =
  '{ id: slow, metric: latency, ExtendedStatistic: p99, Period: 300, Threshold: 5000, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 2 }';
const FILES = { '_defaults.yaml': DEFAULTS, 'core.yaml': setOf(ERRORS, SLOW) };
const BUSY = () => ({ requests: 1_000 });

describe('the cache of a backtest', () => {
  it('lies beside the journal, and the same command asks CloudWatch for nothing again', async () => {
    const rig = await backtestRig(BUSY, FILES);
    const first = await rig.run('backtest', '--since', '2d');
    const asked = rig.metricReads();
    expect(asked).toBeGreaterThan(5);
    expect(first.err).toBe('Reads 7 metrics in 6 calls: about $0.00 (list price, unverified).\n');
    rig.clock.nowMs += 40 * MINUTE_MS;
    const second = await rig.run('backtest', '--since', '2d');
    expect(rig.metricReads()).toBe(asked);
    expect(second.err).toContain(
      'Reads 0 metrics in 0 calls: about $0.00 (list price, unverified), 8 of 8 series are cached.',
    );
    expect(second.out).toBe(first.out);
    expect(readdirSync(join(rig.folder, 'gatewatch.db.history'))).toHaveLength(8);
  });

  it('asks only for the hour that is new', async () => {
    const rig = await backtestRig(BUSY, FILES);
    await rig.run('backtest', '--since', '2d');
    rig.clock.nowMs += 60 * MINUTE_MS;
    rig.asked.length = 0;
    const { err } = await rig.run('backtest', '--since', '2d');
    expect(err).toContain('Reads 7 metrics in 6 calls');
    // It ended at 12:00, and the last window of five minutes that it had all of began at 11:55.
    expect(rig.asked.map(({ fromMs }) => fromMs).sort()[0]).toBe(at(11, 56));
    expect(rig.asked.every(({ toMs }) => toMs <= at(13))).toBe(true);
    await rig.run('backtest', '--since', '1d');
    expect((await rig.run('backtest', '--since', '2d')).err).toContain('Reads 0 metrics');
  });

  it('asks again for what cannot be read in it, and says so', async () => {
    const rig = await backtestRig(BUSY, FILES);
    const { out } = await rig.run('backtest', '--since', '2d', '--cache', 'kept');
    const before = rig.metricReads();
    const files = readdirSync(join(rig.folder, 'kept')).map((name) => join(rig.folder, 'kept', name));
    const [cut = '', garbled = '', swapped = '', other = ''] = files;
    truncateSync(cut, statSync(cut).size - 5);
    writeFileSync(garbled, 'garbage');
    writeFileSync(swapped, readFileSync(other));
    const again = await rig.run('backtest', '--since', '2d', '--cache', 'kept');
    expect(again.err).toContain('5 of 8 series are cached');
    expect(again.err).toMatch(/could not be read .*asked for again/);
    expect(again.out).toBe(out);
    expect(rig.metricReads()).toBeGreaterThan(before);
    expect((await rig.run('backtest', '--since', '2d', '--cache', 'kept')).err).toContain('8 of 8');
  });

  it('is left alone with --no-cache, and a folder that cannot be written to costs nothing but the next run', async () => {
    const rig = await backtestRig(BUSY, FILES);
    await rig.run('backtest', '--since', '2d', '--no-cache');
    expect(readdirSync(rig.folder)).not.toContain('gatewatch.db.history');
    rig.write('a-file', '');
    const { code, err } = await rig.run('backtest', '--since', '2d', '--cache', 'a-file');
    expect(code).toBe(0);
    expect(err).toContain('nothing is kept of this run');
  });

  it('takes two runs at the same time', async () => {
    const rig = await backtestRig(BUSY, FILES);
    const runs = await Promise.all([
      rig.run('backtest', '--since', '2d'),
      rig.run('backtest', '--since', '2d'),
    ]);
    expect(runs[0].out).toBe(runs[1].out);
    expect((await rig.run('backtest', '--since', '2d')).err).toContain('8 of 8');
    const left = readdirSync(join(rig.folder, 'gatewatch.db.history'));
    expect(left.filter((name) => !name.endsWith('.history'))).toEqual([]);
  });
});

describe('HistoryFiles', () => {
  const points = [
    [NOW_MS - DAY_MS, 0.25],
    [NOW_MS, -1e9],
  ] as const;
  const history = { covered: [{ fromMs: NOW_MS - 2 * DAY_MS, toMs: NOW_MS + MINUTE_MS }], points };

  it('gives back what was written, less what is too old to be asked for again', async () => {
    const { folder } = await backtestRig(BUSY, {});
    const files = new HistoryFiles(join(folder, 'kept'));
    expect(files.read('a')).toBeUndefined();
    files.write('a', history, NOW_MS - 3 * DAY_MS);
    expect(files.read('a')).toEqual(history);
    files.write('a', history, NOW_MS - MINUTE_MS);
    expect(files.read('a')).toEqual({
      covered: [{ fromMs: NOW_MS - MINUTE_MS, toMs: NOW_MS + MINUTE_MS }],
      points: points.slice(1),
    });
    expect(files.troubles).toEqual([]);
  });

  it('removes what was not used for longest when it grows above its bound', async () => {
    const { folder } = await backtestRig(BUSY, {});
    const small = new HistoryFiles(join(folder, 'kept'));
    for (const key of ['a', 'b', 'c']) small.write(key, history, 0);
    const [first = ''] = readdirSync(join(folder, 'kept'));
    const { size } = statSync(join(folder, 'kept', first));
    const bounded = new HistoryFiles(join(folder, 'kept'), 2 * size + 10);
    bounded.tidy(['b'], NOW_MS - 3_000);
    bounded.tidy(['c'], NOW_MS + DAY_MS);
    bounded.tidy(['a'], NOW_MS + 2 * DAY_MS);
    expect([small.read('a'), small.read('b'), small.read('c')].map((one) => one !== undefined)).toEqual([
      true,
      false,
      true,
    ]);
  });
});
