import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GatewatchError } from '../../src/core/errors.ts';
import { Secret } from '../../src/core/secret.ts';
import type { OtlpSettings } from '../../src/telemetry/otlp-export.ts';
import { type LocalServer, startLocalServer } from '../http/local-server.ts';
import { captureTelemetry } from './captured-telemetry.ts';
import { partialSuccess, sentMetrics, sentSpans } from './sent-otlp.ts';

let receiver: LocalServer;

beforeEach(async () => {
  receiver = await startLocalServer(() => ({ status: 200 }));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await receiver.close();
});

function exporting(settings: Partial<OtlpSettings> = {}) {
  return captureTelemetry({ otlp: { url: receiver.url, headers: {}, ...settings } });
}

function bodiesOf(path: string): Buffer[] {
  return receiver.received.filter((request) => request.path === path).map(({ body }) => body);
}

describe('OTLP export of our own telemetry', () => {
  it('sends traces and metrics as protobuf by the time shutdown returns', async () => {
    const { telemetry } = exporting();
    telemetry.meter.count('gatewatch_lane_accepted_total', 5, { lane: 'splunk:records' });
    await telemetry.tracer.span('read window', { unit: 'logs:a' }, () => Promise.resolve());
    await telemetry.shutdown();

    const [span] = bodiesOf('/v1/traces').flatMap(sentSpans);
    const [metric] = bodiesOf('/v1/metrics').flatMap(sentMetrics);
    expect(span).toMatchObject({
      name: 'read window',
      attributes: { unit: 'logs:a' },
      resource: {
        'service.name': 'gatewatch',
        'service.version': '1.2.3',
        'service.instance.id': 'worker-1',
      },
    });
    expect(metric).toMatchObject({
      name: 'gatewatch_lane_accepted_total',
      sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [{ asDouble: 5 }] },
    });
    expect(receiver.received[0]?.headers['content-type']).toBe('application/x-protobuf');
  });

  it('nests spans, marks the failed ones, and throws on what the task threw', async () => {
    const { telemetry } = exporting();
    const failure = new GatewatchError('denied', 'no access');
    const run = telemetry.tracer.span('outer', {}, () =>
      telemetry.tracer.span('inner', {}, () => Promise.reject(failure)),
    );
    await expect(run).rejects.toBe(failure);
    await telemetry.shutdown();

    const spans = bodiesOf('/v1/traces').flatMap(sentSpans);
    const outer = spans.find(({ name }) => name === 'outer');
    expect(spans.find(({ name }) => name === 'inner')).toMatchObject({
      parentSpanId: outer?.spanId,
      status: { code: 2, message: 'no access' },
      attributes: { 'error.type': 'denied' },
    });
  });

  it('names the active span in log lines, and only inside of it', async () => {
    const { telemetry, lines } = exporting();
    await telemetry.tracer.span('outer', {}, async () => telemetry.logger.info({}, 'inside'));
    telemetry.logger.info({}, 'outside');
    await telemetry.shutdown();

    const [inside, outside] = lines.map((line) => JSON.parse(line));
    expect(inside.trace_id).toMatch(/^[0-9a-f]{32}$/);
    expect(inside.span_id).toMatch(/^[0-9a-f]{16}$/);
    expect(outside).not.toHaveProperty('trace_id');
  });

  it('sends counters as deltas where the receiver takes nothing else', async () => {
    const { telemetry } = exporting({ temporality: 'delta' });
    telemetry.meter.count('gatewatch_lane_accepted_total', 5);
    await telemetry.shutdown();

    expect(bodiesOf('/v1/metrics').flatMap(sentMetrics)[0]).toMatchObject({
      sum: { aggregationTemporality: 1 },
    });
  });

  it('sends the headers it was given, secrets as they are now, and none from the environment', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'x-foreign=meant-for-somebody-else');
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1');
    vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'owner=somebody-else');
    vi.stubEnv('OTEL_SERVICE_NAME', 'somebody-else');
    let stored = 'old';
    const token = new Secret(stored, () => stored);
    const { telemetry } = exporting({ headers: { Authorization: token, 'x-team': 'sre' } });
    telemetry.meter.count('gatewatch_lane_accepted_total', 5);
    stored = 'new';
    token.refresh();
    await telemetry.shutdown();

    expect(receiver.received[0]?.headers).toMatchObject({ authorization: 'new', 'x-team': 'sre' });
    expect(receiver.received[0]?.headers).not.toHaveProperty('x-foreign');
    expect(
      Object.values(sentMetrics(receiver.received[0]?.body ?? Buffer.alloc(0))[0]?.resource ?? {}),
    ).not.toContain('somebody-else');
  });

  it('sends metrics although the receiver takes no traces, and says what it does not take', async () => {
    receiver.answer = ({ path }) => ({ status: path === '/v1/traces' ? 404 : 200 });
    const { telemetry, lines } = exporting();
    telemetry.meter.count('gatewatch_lane_accepted_total', 5);
    await telemetry.tracer.span('read window', {}, () => Promise.resolve());
    await telemetry.shutdown();

    expect(bodiesOf('/v1/metrics')).toHaveLength(1);
    const warnings = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 'warn');
    expect(warnings).toMatchObject([{ signal: 'traces', reason: 'HTTP status 404' }]);
  });

  it('says what a receiver refused although it answered 200', async () => {
    receiver.answer = () => ({ status: 200, body: partialSuccess(3, 'too many dimensions') });
    const { telemetry, lines } = exporting();
    telemetry.meter.count('gatewatch_lane_accepted_total', 5);
    await telemetry.shutdown();

    expect(lines.join('')).toContain('the receiver refused 3 of them: too many dimensions');
  });

  it('refuses an address that is none', () => {
    expect(() => exporting({ url: 'collector:4318' })).toThrow(
      /Expected the OTLP address.*got `collector:4318`/,
    );
  });
});

describe('the end of telemetry', () => {
  it.each([
    ['without a receiver', () => undefined],
    ['with a receiver that answers', () => receiver.url],
    ['with a receiver that is not there', () => 'http://127.0.0.1:1'],
    ['with a receiver that asks to come back later', () => refusing(503)],
    ['with a receiver that never answers', () => silent()],
  ])('comes within two seconds and keeps nothing running %s', async (_what, urlOf) => {
    const url = urlOf();
    const script = fileURLToPath(new URL('run-and-leave.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [
      script,
      ...(url === undefined ? [] : [url]),
    ]);
    const { tookMs, lingeredMs } = JSON.parse(stdout);

    expect(tookMs).toBeLessThan(2_000);
    expect(lingeredMs).toBeLessThan(500);
  });

  it('may be asked for twice, and lets the next one begin', async () => {
    const { telemetry } = captureTelemetry();
    expect(() => captureTelemetry()).toThrow(/one telemetry per process/);

    await Promise.all([telemetry.shutdown(), telemetry.shutdown()]);

    const next = captureTelemetry();
    next.telemetry.meter.count('gatewatch_lane_accepted_total', 2);
    expect(await next.telemetry.metricsText()).toContain('gatewatch_lane_accepted_total 2\n');
    await next.telemetry.shutdown();
  });

  it('says so when OTEL_SDK_DISABLED has switched metrics off', async () => {
    vi.stubEnv('OTEL_SDK_DISABLED', 'true');
    const { telemetry, lines } = captureTelemetry();

    expect(lines.join('')).toContain('OTEL_SDK_DISABLED');
    await expect(telemetry.metricsText()).rejects.toThrow();
    await telemetry.shutdown();
  });

  function refusing(status: number): string {
    receiver.answer = () => ({ status });
    return receiver.url;
  }

  function silent(): string {
    receiver.answer = () => undefined;
    return receiver.url;
  }
});
