import { expect, it } from 'vitest';
import { baselineOf, baselineYaml, measureBaselines } from '../../src/alarms/traffic-baseline.ts';
import { pointSdkAt } from '../aws/aws-stub.ts';
import { clientsForTest } from '../aws/clients-fixture.ts';
import { central, historyFromMs, historyToMs, region, smallWorld } from '../sandbox/small-world.ts';
import { closing, startedSandbox } from '../sandbox/started-sandbox.ts';
import { stage } from './files.ts';

const MINUTE = 60_000;
const span = { fromMs: 0, toMs: 60 * MINUTE };

function points(valueAt: (minute: number) => number | undefined) {
  return Array.from({ length: 60 }, (_, minute) => ({
    timestampMs: minute * MINUTE,
    value: valueAt(minute),
  })).flatMap(({ timestampMs, value }) => (value === undefined ? [] : [{ timestampMs, value }]));
}

it('is half of what the busiest minute of the quietest ten had', () => {
  // Nine minutes are silent, and the tenth had 84: below 84 all ten would have been breaching.
  const dip = points((minute) => (minute >= 20 && minute < 29 ? undefined : minute === 29 ? 84 : 500));
  expect(baselineOf(dip, span)).toEqual({ kind: 'measured', quietest: 84, baseline: 42 });
  const steady = points((minute) => (minute >= 20 && minute < 30 ? 85 : 500));
  expect(baselineOf(steady, span)).toEqual({ kind: 'measured', quietest: 85, baseline: 42 });
});

it('refuses no history, half a history, and traffic that stops by itself', () => {
  expect(baselineOf([], span)).toEqual({ kind: 'refused', reason: 'no history' });
  const young = points((minute) => (minute < 31 ? undefined : 500));
  expect(baselineOf(young, span)).toMatchObject({ reason: expect.stringContaining('only 29m of 1h') });
  const idle = points((minute) => (minute % 20 < 12 ? undefined : 500));
  expect(baselineOf(idle, span)).toMatchObject({ reason: expect.stringContaining('silence says nothing') });
});

it('asks CloudWatch once for the stages of a Region, and writes overrides to paste', async () => {
  const world = smallWorld();
  const counts = {
    ...world,
    points: (...asked: Parameters<typeof world.points>) => {
      const [series, stat] = asked;
      return series.metricName === 'Count' && stat === 'SampleCount'
        ? world.points({ ...series, metricName: 'Latency' }, ...tail(asked))
        : [];
    },
  };
  const sandbox = await startedSandbox({ world: counts });
  closing({ close: pointSdkAt(sandbox.port) });
  const place = { account: central, region };
  const stages = [stage('orders', place), stage('nobody', place)];
  const history = { fromMs: historyFromMs, toMs: historyToMs };
  const { signal } = new AbortController();
  const measured = await measureBaselines({ aws: closing(clientsForTest()), stages, span: history, signal });
  expect(sandbox.counts.get('aws.GetMetricData')).toBe(1);
  // The small world counts up by one a minute: the busiest of its first ten minutes had 9.5.
  expect(baselineYaml(measured, history)).toBe(`overrides:
  # orders/prod: any ten minutes of the last 1h had one with 9.5 requests or more
  - { match: { id: "id-orders", stage: "prod" }, vars: { traffic_baseline: 4 } }
  # nobody/prod: no history
`);
});

function tail<Rest extends readonly unknown[]>([, ...rest]: readonly [unknown, ...Rest]): Rest {
  return rest;
}
