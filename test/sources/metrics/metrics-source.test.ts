import { describe, expect, it } from 'vitest';
import type { MetricDataAnswer, MetricDataRead, MetricResult } from '../../../src/aws/metric-data.ts';
import { HeldError, IncompleteReadError } from '../../../src/core/errors.ts';
import { sha256Id } from '../../../src/core/hash.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { silentMeter } from '../../../src/core/meter.ts';
import type { MetricRecord, MetricSeries } from '../../../src/model/metric-record.ts';
import { createMetricsSource } from '../../../src/sources/metrics/metrics-source.ts';
import { CENTRAL, REGION, seriesOf } from './series-fixture.ts';

const NOW = 1_700_000_000_000;
const FROM = Math.floor(NOW / 3_600_000) * 3_600_000;
const WINDOW = { fromMs: FROM, toMs: FROM + 180_000 };
const signal = new AbortController().signal;

type Answer = (read: MetricDataRead) => MetricDataAnswer;

function answerAll(values: (metricName: string, stat: string) => Partial<MetricResult> = () => ({})): Answer {
  return (read) => ({
    messages: [],
    notFinite: 0,
    results: read.queries.map(({ id, metricName, stat }) => ({
      id,
      status: 'complete',
      statusCode: 'Complete',
      messages: [],
      points: [{ timestampMs: FROM + 60_000, value: 5 }],
      ...values(metricName, stat),
    })),
  });
}

function sourceOf(series: readonly MetricSeries[], answer: Answer) {
  return createMetricsSource({
    account: CENTRAL,
    region: REGION,
    series: () => series,
    client: { getMetricData: async (read) => answer(read) },
    clock: { now: () => NOW, monotonic: () => 0, sleep: async () => undefined },
    meter: silentMeter,
    logger: silentLogger,
  });
}

async function readAll(series: readonly MetricSeries[], answer: Answer) {
  const records: MetricRecord[] = [];
  const source = sourceOf(series, answer);
  try {
    for await (const page of source.read(WINDOW, signal)) records.push(...page.items);
    return { records, error: undefined };
  } catch (error) {
    return { records, error };
  }
}

describe('the metrics source', () => {
  it('puts all statistics of a series and timestamp into one record, under ids that follow from its content', async () => {
    const series = seriesOf('Latency', ['p99', 'SampleCount']);
    const answer = answerAll((_, stat) => ({
      points: [{ timestampMs: FROM, value: stat === 'p99' ? 120.5 : 3 }],
    }));
    const { records, error } = await readAll([series], answer);
    expect(error).toBeUndefined();
    const key = [
      'metric',
      CENTRAL,
      REGION,
      'AWS/ApiGateway',
      'Latency',
      'ApiName=orders,Stage=prod',
      60,
      FROM,
    ];
    const recordId = sha256Id(key.join('\n'));
    const { statistics: _, ...identity } = series;
    expect(records).toEqual([
      {
        kind: 'metric',
        recordId,
        eventId: sha256Id(`${recordId}\nSampleCount=3\np99=120.5`),
        revision: 0,
        ...identity,
        eventMs: FROM,
        readMs: NOW,
        values: { p99: 120.5, SampleCount: 3 },
      },
    ]);
  });

  it('gives a restated point the same record id and another event id', async () => {
    const series = [seriesOf('Latency', ['p99'])];
    const first = await readAll(series, answerAll());
    const again = await readAll(series, answerAll());
    const restated = await readAll(
      series,
      answerAll(() => ({ points: [{ timestampMs: FROM + 60_000, value: 6 }] })),
    );
    expect(again.records[0]?.eventId).toBe(first.records[0]?.eventId);
    expect(restated.records[0]?.recordId).toBe(first.records[0]?.recordId);
    expect(restated.records[0]?.eventId).not.toBe(first.records[0]?.eventId);
  });

  it('keeps each value under the timestamp it came with and leaves an absent statistic absent', async () => {
    const answer = answerAll((_, stat) => ({
      points: stat === 'p99' ? [{ timestampMs: FROM, value: 1 }] : [{ timestampMs: FROM + 60_000, value: 2 }],
    }));
    const { records } = await readAll([seriesOf('Latency', ['p99', 'Average'])], answer);
    expect(records.map(({ eventMs, values }) => [eventMs - FROM, values])).toEqual([
      [0, { p99: 1 }],
      [60_000, { Average: 2 }],
    ]);
  });

  it('leaves points outside the window to its neighbours, and an idle series without a record', async () => {
    const outside = [WINDOW.fromMs - 60_000, WINDOW.toMs].map((timestampMs) => ({ timestampMs, value: 1 }));
    expect(
      (
        await readAll(
          [seriesOf('Latency', ['p99'])],
          answerAll(() => ({ points: outside })),
        )
      ).records,
    ).toEqual([]);
    expect(
      await readAll(
        [seriesOf('Latency', ['p99'])],
        answerAll(() => ({ points: [] })),
      ),
    ).toEqual({
      records: [],
      error: undefined,
    });
  });

  it('yields what is complete, then names what is not; a half-read series yields nothing', async () => {
    const partial = { status: 'incomplete' as const, statusCode: 'PartialData', messages: ['Slow: later'] };
    const answer = answerAll((metricName, stat) =>
      metricName === 'Latency' && stat === 'p99' ? partial : {},
    );
    const series = [seriesOf('Latency', ['p99', 'Average']), seriesOf('Count', ['SampleCount'])];
    const { records, error } = await readAll(series, answer);
    expect(records.map(({ metricName }) => metricName)).toEqual(['Count']);
    expect(error).toBeInstanceOf(IncompleteReadError);
    expect(String(error)).toContain('Latency p99 of orders/prod (PartialData; Slow: later)');
  });

  it('is held when CloudWatch forbids a series, after yielding the others', async () => {
    const answer = answerAll((metricName) =>
      metricName === 'Latency' ? { status: 'forbidden', statusCode: 'Forbidden' } : {},
    );
    const { records, error } = await readAll(
      [seriesOf('Latency', ['p99']), seriesOf('Count', ['SampleCount'])],
      answer,
    );
    expect(records).toHaveLength(1);
    expect(error).toBeInstanceOf(HeldError);
  });

  it('reads the other calls when one fails, then is incomplete', async () => {
    const series = Array.from({ length: 101 }, (_, index) =>
      seriesOf(`M${index}`, ['p50', 'p95', 'p99', 'Average', 'Sum']),
    );
    const good = answerAll();
    const answer: Answer = (read) => {
      if (read.queries.length > 5) throw new IncompleteReadError('throttled');
      return good(read);
    };
    const { records, error } = await readAll(series, answer);
    expect(records.map(({ metricName }) => metricName)).toEqual(['M100']);
    expect(String(error)).toContain('500 statistics (throttled)');
  });
});
