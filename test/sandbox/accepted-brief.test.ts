import { gzipSync } from 'node:zlib';
import { ProtobufLogsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics';
import { expect, it } from 'vitest';
import { SERIES_IDENTITY } from '../../src/sandbox/accepted-brief.ts';
import type { Sandbox } from '../../src/sandbox/server.ts';
import { historyToMs, longestLagMs } from './small-world.ts';
import { startedSandbox } from './started-sandbox.ts';

const nowMs = historyToMs + longestLagMs;

async function briefsAt(sandbox: Sandbox, sink: 'splunk' | 'dynatrace'): Promise<unknown[]> {
  const response = await fetch(`${sandbox.url}/_sandbox/accepted/${sink}/brief`);
  const text = await response.text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

async function post(
  sandbox: Sandbox,
  path: string,
  body: string | Uint8Array | undefined,
  headers: Record<string, string>,
): Promise<number> {
  const bytes = new Uint8Array(Buffer.from(body ?? ''));
  const response = await fetch(`${sandbox.url}${path}`, { method: 'POST', headers, body: bytes });
  await response.arrayBuffer();
  return response.status;
}

it('keeps of each event what a comparison asks for: of the good ones before a bad one, and of repeats again', async () => {
  const sandbox = await startedSandbox({ hecTokens: [{ token: 'good' }] });
  const headers = { authorization: 'Splunk good' };
  const says = { outcome: 'matched', decision: 'allow', customer: 'psn_ü', reason: 'not asked for' };
  const envelope = (id: string) =>
    JSON.stringify({
      time: 1_700_000_000.5,
      sourcetype: 'gatewatch:access',
      event: says,
      fields: { event_id: id, x: 1 },
    });
  const events = '/services/collector/event';
  expect(await post(sandbox, events, `${envelope('a')}\n${envelope('b')}\n{"time":1}`, headers)).toBe(400);
  const packed = { ...headers, 'content-encoding': 'gzip' };
  expect(await post(sandbox, events, gzipSync(envelope('a')), packed)).toBe(200);
  expect(await post(sandbox, '/services/collector/raw?sourcetype=st', 'a line', headers)).toBe(200);
  const { reason: _, ...asked } = says;
  const brief = (n: number, id: string) => ({
    n,
    sourcetype: 'gatewatch:access',
    time: 1_700_000_000.5,
    event: asked,
    fields: { event_id: id },
  });
  expect(await briefsAt(sandbox, 'splunk')).toEqual([
    brief(0, 'a'),
    brief(1, 'b'),
    brief(2, 'a'),
    { n: 3, sourcetype: 'st', event: 'a line' },
  ]);
  expect([...sandbox.acceptedEvents()].map(({ n }) => n)).toEqual([0, 1, 2, 3]);
});

it('keeps of each point and log record what a comparison asks for, as it was stored and without what was dropped', async () => {
  const sandbox = await startedSandbox({
    faults: { names: ['otlp-partial'], rates: { 'otlp-partial': 1 } },
    dynatraceTokens: [{ token: 'dt' }],
  });
  const headers = { authorization: 'Api-Token dt', 'content-type': 'application/x-protobuf' };
  const metrics = gauges([nowMs - 7_200_000, nowMs - 180_000, nowMs + 3_600_000, nowMs - 60_000]);
  expect(await post(sandbox, '/api/v2/otlp/v1/metrics', metrics, headers)).toBe(200);
  expect(await post(sandbox, '/api/v2/otlp/v1/logs', logs(['a', 'b', 'c']), headers)).toBe(200);
  const full = [...sandbox.acceptedItems()];
  expect(full.map(({ kind }) => kind)).toEqual(['metric', 'metric', 'log', 'log']);
  expect(await briefsAt(sandbox, 'dynatrace')).toEqual(
    full.map((item) =>
      item.kind === 'log'
        ? { n: item.n, kind: 'log', attributes: { event_id: item.attributes.event_id } }
        : {
            n: item.n,
            kind: 'metric',
            name: item.name,
            timeMs: item.timeMs,
            value: item.value,
            attributes: Object.fromEntries(SERIES_IDENTITY.map((key) => [key, item.attributes[key]])),
          },
    ),
  );
});

it('holds no briefs where only the numbers are kept', async () => {
  const sandbox = await startedSandbox({ hecTokens: [{ token: 'good' }], keepAccepted: false });
  const headers = { authorization: 'Splunk good' };
  expect(await post(sandbox, '/services/collector/event', '{"event":1}', headers)).toBe(200);
  expect(await briefsAt(sandbox, 'splunk')).toEqual([]);
  const stats = await (await fetch(`${sandbox.url}/_sandbox/stats`)).json();
  expect(stats).toMatchObject({ accepted: { splunk: 1 } });
});

const hr = (ms: number): [number, number] => [Math.floor(ms / 1_000), (ms % 1_000) * 1_000_000];

/** A gauge with a point at each time, its value the number of the point; every series attribute is set. */
function gauges(timesMs: readonly number[]): Uint8Array | undefined {
  const attributes = { ...Object.fromEntries(SERIES_IDENTITY.map((key) => [key, `of ${key}`])), Other: 'x' };
  return ProtobufMetricsSerializer.serializeRequest({
    resource: resourceFromAttributes({}),
    scopeMetrics: [
      {
        scope: { name: 'gatewatch' },
        metrics: [
          {
            descriptor: { name: 'gatewatch.latency.p99', description: '', unit: 'ms', valueType: 1 },
            aggregationTemporality: AggregationTemporality.DELTA,
            dataPointType: DataPointType.GAUGE,
            dataPoints: timesMs.map((timeMs, value) => ({
              startTime: hr(timeMs - 60_000),
              endTime: hr(timeMs),
              attributes,
              value,
            })),
          },
        ],
      },
    ],
  });
}

function logs(eventIds: readonly string[]): Uint8Array | undefined {
  return ProtobufLogsSerializer.serializeRequest(
    eventIds.map((event_id) => ({
      hrTime: hr(nowMs),
      hrTimeObserved: hr(nowMs),
      severityText: 'INFO',
      body: 'GET /orders 200',
      resource: resourceFromAttributes({}),
      instrumentationScope: { name: 'gatewatch' },
      attributes: { event_id, other: 'x' },
      droppedAttributesCount: 0,
    })),
  );
}
