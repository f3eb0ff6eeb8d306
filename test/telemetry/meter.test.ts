import { once } from 'node:events';
import { createServer } from 'node:http';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Telemetry } from '../../src/telemetry/telemetry.ts';
import { captureTelemetry } from './captured-telemetry.ts';
import { type PrometheusText, parsePrometheusText } from './prometheus-text.ts';

let telemetry: Telemetry;
let lines: string[];

beforeEach(() => {
  ({ telemetry, lines } = captureTelemetry());
});

afterEach(() => telemetry.shutdown());

async function page(): Promise<PrometheusText> {
  return parsePrometheusText(await telemetry.metricsText());
}

describe('our own metrics', () => {
  it('appear under exactly the names and labels the code uses', async () => {
    telemetry.meter.count('gatewatch_lane_accepted_total', 3, { lane: 'splunk:records' });
    telemetry.meter.count('gatewatch_lane_accepted_total', 4, { lane: 'splunk:records' });
    telemetry.meter.count('gatewatch_lane_accepted_total', 1, { lane: 'dynatrace:records' });
    telemetry.meter.gauge('gatewatch_lane_held', 1, { lane: 'splunk:records' });
    telemetry.meter.gauge('gatewatch_lane_held', 0, { lane: 'splunk:records' });
    telemetry.meter.count('gatewatch_sink_body_bytes_total', 2_048, { sink: 'splunk' });

    const { types, samples } = await page();

    expect(Object.fromEntries(types)).toEqual({
      target_info: 'gauge',
      gatewatch_lane_accepted_total: 'counter',
      gatewatch_lane_held: 'gauge',
      gatewatch_sink_body_bytes_total: 'counter',
    });
    expect(samples.filter(({ name }) => name !== 'target_info')).toEqual([
      { name: 'gatewatch_lane_accepted_total', labels: { lane: 'splunk:records' }, value: 7 },
      { name: 'gatewatch_lane_accepted_total', labels: { lane: 'dynatrace:records' }, value: 1 },
      { name: 'gatewatch_lane_held', labels: { lane: 'splunk:records' }, value: 0 },
      { name: 'gatewatch_sink_body_bytes_total', labels: { sink: 'splunk' }, value: 2_048 },
    ]);
  });

  it('say which version and instance they are from, and nothing of the host', async () => {
    const info = (await page()).samples.find(({ name }) => name === 'target_info');

    expect(info?.labels).toEqual({
      service_name: 'gatewatch',
      service_version: '1.2.3',
      service_instance_id: 'worker-1',
    });
  });

  it.each([
    ['gatewatch_journal_commit_ms', 5, ['1', '2', '5']],
    ['gatewatch_body_bytes', 1_024, ['256', '1024']],
  ])('put %s into buckets of its unit', async (name, value, bounds) => {
    telemetry.meter.observe(name, value);

    const { types, samples } = await page();
    const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);

    expect(types.get(name)).toBe('histogram');
    expect(buckets.slice(0, bounds.length).map(({ labels }) => labels.le)).toEqual(bounds);
    expect(buckets.slice(0, bounds.length).map((bucket) => bucket.value)).toEqual([
      ...bounds.slice(1).map(() => 0),
      1,
    ]);
    expect(buckets.at(-1)).toEqual({ name: `${name}_bucket`, labels: { le: '+Inf' }, value: 1 });
    expect(samples.find((sample) => sample.name === `${name}_sum`)?.value).toBe(value);
  });

  it('keep the page readable whatever a label holds', async () => {
    const values = fc.sample(fc.string({ unit: 'binary', maxLength: 40 }), { numRuns: 300, seed: 7 });
    const distinct = [...new Set([...values, 'a"b', 'line\nfeed', 'back\\slash', '\\n', '{le="1"} 5\n#'])];
    for (const lane of distinct) telemetry.meter.count('gatewatch_lane_accepted_total', 1, { lane });

    const { samples } = await page();

    const seen = samples.filter(({ name }) => name !== 'target_info').map(({ labels }) => labels.lane);
    expect(new Set(seen)).toEqual(new Set(distinct));
  });

  it('hold more label sets than a large account has log groups', async () => {
    for (let unit = 0; unit < 5_000; unit += 1) {
      telemetry.meter.count('gatewatch_events_read_total', 1, { unit: `logs:${unit}` });
    }

    const counted = (await page()).samples.filter(({ name }) => name === 'gatewatch_events_read_total');

    expect(counted).toHaveLength(5_000);
  });

  it.each([
    ['a counter that does not end in _total', () => telemetry.meter.count('gatewatch_lane_accepted', 1)],
    ['a gauge that ends in _total', () => telemetry.meter.gauge('gatewatch_lane_total', 1)],
    ['a name Prometheus would change', () => telemetry.meter.count('gatewatch.lane__x_total', 1)],
    ['an observation without a unit', () => telemetry.meter.observe('gatewatch_wait', 1)],
    ['a value that is no number', () => telemetry.meter.gauge('gatewatch_lag_ms', Number.NaN)],
    ['a counter that shrinks', () => telemetry.meter.count('gatewatch_lane_accepted_total', -1)],
  ])('leave out %s and say so once', async (_what, measure) => {
    measure();
    measure();

    expect((await page()).samples.map(({ name }) => name)).toEqual(['target_info']);
    expect(lines.filter((line) => line.includes('a measurement of our own was left out'))).toHaveLength(1);
  });

  it('leave out a name that is used in a second meaning, and keep the first', async () => {
    telemetry.meter.gauge('gatewatch_lag_ms', 5);
    telemetry.meter.observe('gatewatch_lag_ms', 9);

    expect((await page()).samples.at(-1)).toEqual({ name: 'gatewatch_lag_ms', labels: {}, value: 5 });
    expect(lines.join('')).toContain('expected a gauge as before, got a histogram');
  });
});

describe('the metrics handler', () => {
  async function scrape(): Promise<Response> {
    const server = createServer((request, response) => telemetry.serveMetrics(request, response));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const response = await fetch(`http://127.0.0.1:${port}/metrics`);
      return new Response(await response.text(), response);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it('serves the page as Prometheus text 0.0.4', async () => {
    telemetry.meter.count('gatewatch_lane_accepted_total', 3);

    const response = await scrape();

    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(parsePrometheusText(await response.text()).samples).toHaveLength(2);
  });

  it('answers 503 with the reason, not an empty page, when nothing can be collected', async () => {
    await telemetry.shutdown();

    const response = await scrape();

    expect(response.status).toBe(503);
    expect(await response.text()).toMatch(/^metrics could not be collected: ./);
  });
});
