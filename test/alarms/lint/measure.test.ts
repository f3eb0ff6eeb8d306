import { expect, it } from 'vitest';
import { measureFor } from '../../../src/alarms/lint/measure.ts';
import { HeldError } from '../../../src/core/errors.ts';
import { expand, setWith, stage } from '../files.ts';

const P99 =
  '{ id: p99, metric: latency, ExtendedStatistic: p99, Threshold: 5, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 3 }';
const scopes = [{ account: '111122223333', region: 'eu-west-1' }];
const signal = new AbortController().signal;
const denied = new HeldError('aws_denied', 'cloudwatch:ListMetrics is denied in 111122223333');

/** A day of ten requests an hour. */
const getMetricData = async ({ queries }: { queries: readonly { id: string }[] }) => ({
  results: queries.map(({ id }) => ({
    id,
    status: 'complete' as const,
    statusCode: 'Complete',
    messages: [],
    points: Array.from({ length: 24 }, (_, hour) => ({ timestampMs: hour * 3_600_000, value: 10 })),
  })),
  messages: [],
  notFinite: 0,
});

it('goes on with what can be read, and says what cannot', async () => {
  const { instances } = expand(setWith(P99), stage('orders'));
  const { facts, unread } = await measureFor(instances, {
    aws: {
      getMetricData,
      async *listMetrics() {
        yield [];
        throw denied;
      },
    },
    scopes,
    nowMs: 86_400_000,
    signal,
  });
  expect(unread).toEqual([denied.message]);
  expect(facts.alive).toBeUndefined();
  expect([...(facts.requestsPerMinute?.values() ?? [])]).toEqual([240 / 1_440]);
});

it('lets a fault of its own pass: silence would look like an idle API', async () => {
  const { instances } = expand(setWith(P99), stage('orders'));
  const aws = {
    getMetricData,
    listMetrics() {
      throw new TypeError('a bug');
    },
  };
  await expect(measureFor(instances, { aws, scopes, nowMs: 86_400_000, signal })).rejects.toThrow('a bug');
});

it('asks once for each stage, five hundred in a call', async () => {
  const stages = Array.from({ length: 501 }, (_, index) => stage(`api-${index}`));
  const { instances } = expand(setWith(`${P99}\n    - ${P99.replace('p99,', 'again,')}`), ...stages);
  const asked: number[] = [];
  await measureFor(instances, {
    aws: {
      getMetricData: (read) => {
        asked.push(read.queries.length);
        return getMetricData(read);
      },
      async *listMetrics() {
        yield [];
      },
    },
    scopes,
    nowMs: 86_400_000,
    signal,
  });
  expect(asked).toEqual([500, 1]);
});

it('takes the time since the first point for an API that is younger than a day', async () => {
  const { instances } = expand(setWith(P99), stage('orders'));
  const young = async (read: { queries: readonly { id: string }[] }) => {
    const answer = await getMetricData(read);
    const points = [{ timestampMs: 23 * 3_600_000, value: 3_000 }];
    return { ...answer, results: answer.results.map((result) => ({ ...result, points })) };
  };
  const { facts } = await measureFor(instances, {
    aws: {
      getMetricData: young,
      async *listMetrics() {
        yield [];
      },
    },
    scopes,
    nowMs: 23.5 * 3_600_000,
    signal,
  });
  expect([...(facts.requestsPerMinute?.values() ?? [])]).toEqual([100]);
});
