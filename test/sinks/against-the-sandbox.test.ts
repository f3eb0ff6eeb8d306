import { expect, it } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import type { JournalEntry } from '../../src/model/journal.ts';
import type { Sink } from '../../src/model/sink.ts';
import type { FaultName } from '../../src/sandbox/faults.ts';
import { createDynatraceOtlpSink } from '../../src/sinks/dynatrace/dynatrace-otlp-sink.ts';
import { metricKey } from '../../src/sinks/dynatrace/metric-points.ts';
import { createDynatraceOtlpSettings } from '../../src/sinks/dynatrace/otlp-settings.ts';
import { createSplunkHecSettings, type SplunkHecSettings } from '../../src/sinks/splunk/hec-settings.ts';
import { createSplunkHecSink } from '../../src/sinks/splunk/splunk-hec-sink.ts';
import { closing, startedSandbox } from '../sandbox/started-sandbox.ts';
import { entryOf, metricRecord, NOW_MS, requestEntries } from './entries.ts';
import { NEVER, PARTS, placesOf } from './sink-harness.ts';

interface Drained {
  readonly accepted: Set<number>;
  readonly rejectedUnknown: number;
  readonly sends: number;
}

/** Sends what must be sent again until nothing must, as a lane does, without its waits. */
async function drain(sink: Sink, entries: readonly JournalEntry[]): Promise<Drained> {
  const accepted = new Set<number>();
  let rejectedUnknown = 0;
  let sends = 0;
  for (let pending = entries; pending.length > 0; sends += 1) {
    if (sends > 500) throw new Error(`Expected the sink to drain, ${pending.length} entries are left`);
    const verdict = await sink.send(pending, NEVER);
    placesOf(verdict, pending);
    expect(verdict.held).toBeUndefined();
    expect(verdict.rejected).toEqual([]);
    for (const seq of verdict.accepted) accepted.add(seq);
    rejectedUnknown += verdict.rejectedUnknown?.count ?? 0;
    const again = new Set(verdict.retry);
    pending = pending.filter(({ seq }) => again.has(seq));
  }
  return { accepted, rejectedUnknown, sends };
}

async function splunk(faults: readonly FaultName[], ack: boolean, changes: Partial<SplunkHecSettings> = {}) {
  const sandbox = await startedSandbox({
    clock: { now: () => NOW_MS },
    faults: { names: faults, rates: Object.fromEntries(faults.map((name) => [name, 0.2])) },
    hecTokens: [{ token: 'good', indexes: ['apigw'], ack }],
    hec: { ackDelayMs: 10 },
  });
  const settings = createSplunkHecSettings({
    url: sandbox.url,
    token: new Secret('good'),
    index: 'apigw',
    maxBodyBytes: 65_536,
    ...changes,
  });
  return { sandbox, sink: closing(createSplunkHecSink({ ...PARTS, name: 'splunk', settings })) };
}

it('Splunk gets every record through faults, repeats only under an event id it knows', async () => {
  const { sandbox, sink } = await splunk(['busy', 'reset', 'near-capacity', 'html', 'shutting-down'], false);
  const entries = requestEntries(2_000);
  const { accepted } = await drain(sink, entries);
  expect(accepted.size).toBe(2_000);
  for (const sourcetype of ['gatewatch:access', 'gatewatch:authentication']) {
    const events = [...sandbox.acceptedEvents()].filter((event) => event.sourcetype === sourcetype);
    expect(new Set(events.map(({ fields }) => fields?.event_id))).toEqual(
      new Set(entries.map(({ eventId }) => eventId)),
    );
  }
  for (const fault of ['busy', 'reset', 'html']) expect(sandbox.faultCounts.get(fault)).toBeGreaterThan(0);
});

it('Splunk with acknowledgement gets every record although it forgets some acknowledgements', async () => {
  const ack = { enabled: true, pollMs: 10, timeoutMs: 150 };
  const { sandbox, sink } = await splunk(['ack-lost', 'ack-capacity'], true, { ack });
  const entries = requestEntries(300);
  const { accepted, sends } = await drain(sink, entries);
  expect(accepted.size).toBe(300);
  expect(sends).toBeGreaterThan(1);
  const ids = new Set([...sandbox.acceptedEvents()].map(({ fields }) => fields?.event_id));
  expect(ids.size).toBe(300);
});

it('a token that acknowledges, without acknowledgement, holds the lane and says what to switch on', async () => {
  const { sink } = await splunk([], true);
  const verdict = await sink.send(requestEntries(3), NEVER);
  expect(verdict.retry).toHaveLength(3);
  expect(verdict.held?.reason).toContain('acknowledgement');
});

it('Dynatrace gets every point and record through faults, under the times and keys they have', async () => {
  const sandbox = await startedSandbox({
    clock: { now: () => NOW_MS },
    faults: { names: ['otlp-busy', 'reset', 'html'], rates: { 'otlp-busy': 0.2, reset: 0.2, html: 0.2 } },
    dynatraceTokens: [{ token: 'good' }],
  });
  const settings = createDynatraceOtlpSettings({
    url: `${sandbox.url}/api/v2/otlp`,
    token: new Secret('good'),
    maxLogBodyBytes: 60_000,
  });
  const sink = closing(createDynatraceOtlpSink({ ...PARTS, name: 'dynatrace', settings }));
  const requests = requestEntries(1_000);
  const metrics = Array.from({ length: 200 }, (_, n) => entryOf(2_000 + n, metricRecord(n)));
  expect((await drain(sink, [...requests, ...metrics])).accepted.size).toBe(1_200);
  const items = [...sandbox.acceptedItems()];
  const ids = items.flatMap((item) => (item.kind === 'log' ? [item.attributes.event_id] : []));
  expect(new Set(ids)).toEqual(new Set(requests.map(({ eventId }) => eventId)));
  const key = metricKey(settings.metricPrefix, 'Latency', 'p99');
  const points = items.flatMap((item) => (item.kind === 'metric' && item.name === key ? [item] : []));
  expect(new Set(points.map(({ attributes }) => attributes.api_name)).size).toBe(200);
  expect(new Set(points.map(({ timeMs }) => timeMs))).toEqual(new Set([NOW_MS - 600_000]));
});

it('Dynatrace’s partial success is counted, and the rest is there once', async () => {
  const sandbox = await startedSandbox({
    clock: { now: () => NOW_MS },
    faults: { names: ['otlp-partial'], rates: { 'otlp-partial': 1 } },
    dynatraceTokens: [{ token: 'good' }],
  });
  const settings = createDynatraceOtlpSettings({
    url: `${sandbox.url}/api/v2/otlp`,
    token: new Secret('good'),
  });
  const sink = closing(createDynatraceOtlpSink({ ...PARTS, name: 'dynatrace', settings }));
  const { accepted, rejectedUnknown } = await drain(sink, requestEntries(100));
  expect(accepted.size).toBe(100);
  expect(rejectedUnknown).toBe(1);
  expect([...sandbox.acceptedItems()]).toHaveLength(99);
});
