import { describe, expect, it } from 'vitest';
import type { MetricQuery } from '../../src/aws/metric-data.ts';
import { HeldError, IncompleteReadError } from '../../src/core/errors.ts';
import { awsError } from './aws-stub.ts';
import { CENTRAL, collect, createCountingMeter, REGION, stubbedClients } from './clients-fixture.ts';

const stub = stubbedClients();
const { serve } = stub;

function query(id: string, stat = 'p99'): MetricQuery {
  const dimensions = { ApiName: 'orders', Stage: 'prod' };
  return { id, namespace: 'AWS/ApiGateway', metricName: 'Latency', dimensions, stat, periodS: 60 };
}

function readOf(...ids: string[]) {
  const signal = new AbortController().signal;
  return {
    account: CENTRAL,
    region: REGION,
    queries: ids.map((id) => query(id)),
    fromMs: 60_000,
    toMs: 300_000,
    signal,
  };
}

/** Times are epoch seconds on the wire. */
function result(
  id: string,
  points: readonly (readonly [number, number | string])[],
  StatusCode = 'Complete',
) {
  return {
    Id: id,
    StatusCode,
    Timestamps: points.map(([at]) => at),
    Values: points.map(([, value]) => value),
  };
}

describe('getMetricData', () => {
  it('asks for the window, period, statistic and exact dimensions, and names no unit', async () => {
    const aws = await serve(() => ({ body: { MetricDataResults: [result('a', [])] } }));
    await aws.getMetricData(readOf('a'));
    expect(stub.calls[0]?.operation).toBe('GetMetricData');
    expect(stub.calls[0]?.region).toBe(REGION);
    expect(stub.calls[0]?.body).toEqual({
      StartTime: 60,
      EndTime: 300,
      ScanBy: 'TimestampAscending',
      MetricDataQueries: [
        {
          Id: 'a',
          ReturnData: true,
          MetricStat: {
            Metric: {
              Namespace: 'AWS/ApiGateway',
              MetricName: 'Latency',
              Dimensions: [
                { Name: 'ApiName', Value: 'orders' },
                { Name: 'Stage', Value: 'prod' },
              ],
            },
            Period: 60,
            Stat: 'p99',
          },
        },
      ],
    });
  });

  it('merges the pages of one id, sorts by time and believes the last status', async () => {
    const pages: Record<string, unknown> = {
      '': {
        MetricDataResults: [result('a', [[180, 3]], 'PartialData'), result('b', [[60, 9]])],
        NextToken: 't1',
      },
      t1: { MetricDataResults: [], NextToken: 't2' },
      t2: {
        MetricDataResults: [
          result('a', [
            [120, 2],
            [60, 1],
          ]),
        ],
      },
    };
    const aws = await serve((call) => ({ body: pages[String(call.body.NextToken ?? '')] }));
    const answer = await aws.getMetricData(readOf('a', 'b'));
    expect(answer.results.map(({ id, status }) => [id, status])).toEqual([
      ['a', 'complete'],
      ['b', 'complete'],
    ]);
    expect(answer.results[0]?.points).toEqual([
      { timestampMs: 60_000, value: 1 },
      { timestampMs: 120_000, value: 2 },
      { timestampMs: 180_000, value: 3 },
    ]);
  });

  it.each([
    ['Complete', 'complete'],
    ['PartialData', 'incomplete'],
    ['InternalError', 'incomplete'],
    ['Forbidden', 'forbidden'],
    ['SomethingNew', 'incomplete'],
    [undefined, 'incomplete'],
  ])('reads a final status %s as %s', async (StatusCode, status) => {
    const Messages = [{ Code: 'Why', Value: 'because' }];
    const aws = await serve(() => ({ body: { MetricDataResults: [{ Id: 'a', StatusCode, Messages }] } }));
    const answer = await aws.getMetricData(readOf('a'));
    expect(answer.results[0]).toMatchObject({ status, messages: ['Why: because'], points: [] });
  });

  it('takes an id that never came back as unanswered and keeps messages about the call', async () => {
    const Messages = [{ Code: 'MaxMetricsExceeded', Value: 'Maximum number of allowed metrics exceeded' }];
    const aws = await serve(() => ({ body: { MetricDataResults: [result('a', [])], Messages } }));
    const answer = await aws.getMetricData(readOf('a', 'b'));
    expect(answer.results.map(({ statusCode }) => statusCode)).toEqual(['Complete', 'not answered']);
    expect(answer.messages).toEqual(['MaxMetricsExceeded: Maximum number of allowed metrics exceeded']);
  });

  it('leaves out values that are no finite number and counts them', async () => {
    const points = [
      [60, 'NaN'],
      [120, 'Infinity'],
      [180, 7],
    ] as const;
    const aws = await serve(() => ({ body: { MetricDataResults: [result('a', points)] } }));
    const answer = await aws.getMetricData(readOf('a'));
    expect(answer.results[0]?.points).toEqual([{ timestampMs: 180_000, value: 7 }]);
    expect(answer.notFinite).toBe(2);
  });

  it('keeps the pages before one that fails, with the reason beside them', async () => {
    const first = {
      MetricDataResults: [result('a', [[60, 1]]), result('b', [[60, 1]], 'PartialData')],
      NextToken: 't',
    };
    const aws = await serve((call) =>
      call.body.NextToken ? awsError('InternalServiceFault', 'oops', 500) : { body: first },
    );
    const answer = await aws.getMetricData(readOf('a', 'b'));
    expect(answer.results.map(({ status }) => status)).toEqual(['complete', 'incomplete']);
    expect(answer.failure).toBeInstanceOf(IncompleteReadError);
  });

  it('does not page for ever when a token repeats', async () => {
    const aws = await serve(() => ({ body: { MetricDataResults: [result('a', [])], NextToken: 'same' } }));
    const answer = await aws.getMetricData(readOf('a'));
    expect(answer.failure?.message).toContain('same token twice');
    expect(stub.calls).toHaveLength(2);
  });

  it('is held when the call itself is denied, naming the permission', async () => {
    const aws = await serve(() => awsError('AccessDenied', 'no', 403));
    const error = await aws.getMetricData(readOf('a')).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(HeldError);
    expect(error.message).toContain('cloudwatch:GetMetricData');
  });

  it('retries a query-compatible throttle and counts it', async () => {
    const meter = createCountingMeter();
    let throttles = 1;
    const aws = await serve(
      () => {
        if (throttles-- === 0) return { body: { MetricDataResults: [result('a', [[60, 1]])] } };
        const throttle = awsError('com.amazonaws.cloudwatch#ThrottlingException', 'Rate exceeded');
        return { ...throttle, headers: { 'x-amzn-query-error': 'Throttling;Sender' } };
      },
      { meter },
    );
    const answer = await aws.getMetricData(readOf('a'));
    expect(answer.results[0]?.points).toHaveLength(1);
    expect(meter.counts.get('gatewatch_aws_throttles_total')).toBe(1);
  });
});

describe('listMetrics', () => {
  it('follows the token to the end', async () => {
    const metric = (name: string) => ({
      Namespace: 'AWS/ApiGateway',
      MetricName: name,
      Dimensions: [{ Name: 'ApiId', Value: 'h1' }],
    });
    const aws = await serve((call) => ({
      body: call.body.NextToken ? { Metrics: [metric('5xx')] } : { Metrics: [metric('4xx')], NextToken: 't' },
    }));
    const signal = new AbortController().signal;
    const listing = { account: CENTRAL, region: REGION, namespace: 'AWS/ApiGateway', signal };
    const pages = await collect(aws.listMetrics(listing));
    expect(pages.flat().map(({ metricName }) => metricName)).toEqual(['4xx', '5xx']);
    expect(pages[0]?.[0]?.dimensions).toEqual({ ApiId: 'h1' });
  });
});
