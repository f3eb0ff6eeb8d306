import { describe, expect, it } from 'vitest';
import { createSignalSink } from '../../src/alarms/publishing/signal-sink.ts';
import { stageOf } from '../../src/alarms/sample-stages.ts';
import { createAwsClients } from '../../src/aws/aws-clients.ts';
import { createMetricPublisher } from '../../src/aws/metric-publisher.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { silentMeter } from '../../src/core/meter.ts';
import type { StageInventory } from '../../src/model/inventory.ts';
import type { JournalEntry } from '../../src/model/journal.ts';
import type { RequestRecord } from '../../src/model/request-record.ts';
import { noFaults, parseFaults } from '../../src/sandbox/faults.ts';
import { pointSdkAt } from '../aws/aws-stub.ts';
import { createSkippingClock } from '../aws/clients-fixture.ts';
import { central, historyToMs, longestLagMs, region } from '../sandbox/small-world.ts';
import { closing, startedSandbox } from '../sandbox/started-sandbox.ts';
import { entryOf, requestRecord } from '../sinks/entries.ts';
import { placesOf } from '../sinks/sink-harness.ts';

const MINUTE_MS = 60_000;
const NOW_MS = historyToMs + longestLagMs;
const signal = new AbortController().signal;
const STAGE = stageOf({ apiId: 'a1', apiName: 'orders', stage: 'prod', protocol: 'REST' });

/** A row of the stage whose line was written then. */
function row(seq: number, atMs: number, more: Partial<RequestRecord> = {}, revision = 0): JournalEntry {
  const made = requestRecord(seq);
  const [access] = made.parts;
  const parts = access === undefined ? [] : [{ ...access, timestampMs: atMs }];
  const record = {
    ...made,
    account: central,
    region,
    apiId: 'a1',
    stage: 'prod',
    eventMs: atMs,
    parts,
    ...more,
  };
  return { ...entryOf(seq, record), revision };
}

async function opened(stages: () => readonly StageInventory[] | undefined = () => [STAGE]) {
  const sandbox = await startedSandbox();
  closing({ close: pointSdkAt(sandbox.port) });
  const settings = {
    accounts: [{ name: 'central', accountId: central, regions: [region] }],
    clock: { ...createSkippingClock(), now: () => NOW_MS },
    logger: silentLogger,
    meter: silentMeter,
    maxAttempts: 1,
  };
  const aws = closing(createAwsClients(settings));
  const sink = createSignalSink({
    signals: ['auth.latency', 'auth.denials'],
    publisher: createMetricPublisher(settings),
    stages,
    clock: settings.clock,
  });
  closing(sink);
  const statistic = async (metricName: string, stat: string, minuteMs: number) => {
    const metric = {
      namespace: 'Gatewatch/ApiGateway',
      metricName,
      dimensions: { ApiId: 'a1', Stage: 'prod' },
    };
    const { results } = await aws.getMetricData({
      account: central,
      region,
      fromMs: minuteMs,
      toMs: minuteMs + MINUTE_MS,
      signal,
      queries: [{ id: 'q', ...metric, periodS: 60, stat }],
    });
    return results[0]?.points[0]?.value;
  };
  return {
    sandbox,
    sink,
    statistic,
    puts: () => sandbox.counts.get('aws.PutMetricData'),
    send: async (batch: readonly JournalEntry[]) => {
      const verdict = await sink.send(batch, signal);
      placesOf(verdict, batch);
      return verdict;
    },
  };
}

const minute = NOW_MS - 10 * MINUTE_MS;

describe('the sink of published signals', () => {
  it('counts each line in its own minute, once whatever revisions it has, and late ones on top', async () => {
    const { send, statistic, puts } = await opened();
    const batch = [
      row(1, minute + 5, { authorizerLatencyMs: 10 }),
      row(2, minute + 59_999, { authorizerLatencyMs: 30 }),
      row(3, minute + MINUTE_MS, {
        authorizerLatencyMs: 50,
        status: 403,
        errorResponseType: 'ACCESS_DENIED',
      }),
      row(4, minute + 5, { authorizerLatencyMs: 10 }, 1),
      row(5, minute, { apiId: 'elsewhere' }),
    ];
    expect((await send(batch)).accepted).toEqual([1, 2, 3, 4, 5]);
    expect(puts()).toBe(1);
    expect(await statistic('auth.latency', 'SampleCount', minute)).toBe(2);
    expect(await statistic('auth.latency', 'Average', minute)).toBe(20);
    expect(await statistic('auth.latency', 'p50', minute + MINUTE_MS)).toBe(50);
    expect(await statistic('auth.denials', 'Sum', minute + MINUTE_MS)).toBe(1);
    expect(await statistic('auth.denials', 'Sum', minute)).toBeUndefined();
    await send([row(6, minute + 10, { authorizerLatencyMs: 80 })]);
    expect(await statistic('auth.latency', 'Average', minute)).toBe(40);
  });

  it('keeps more different values in a minute than one datum takes', async () => {
    const { send, statistic, puts } = await opened();
    await send(Array.from({ length: 400 }, (_, n) => row(n + 1, minute + n, { authorizerLatencyMs: n })));
    expect(puts()).toBe(1);
    expect(await statistic('auth.latency', 'SampleCount', minute)).toBe(400);
    expect(await statistic('auth.latency', 'Maximum', minute)).toBe(399);
  });

  it('asks nobody for rows that count for nothing', async () => {
    const { send, puts } = await opened();
    const { authorizerLatencyMs: _, ...quiet } = requestRecord(1);
    const entry = entryOf(1, { ...quiet, account: central, region, apiId: 'a1', stage: 'prod' });
    expect((await send([entry])).accepted).toEqual([1]);
    expect(puts()).toBe(0);
  });

  it('passes nothing over while the APIs are not known', async () => {
    const { send, puts } = await opened(() => undefined);
    const verdict = await send([row(1, minute)]);
    expect(verdict).toMatchObject({ retry: [1], retryReason: 'the APIs have not been listed yet' });
    expect(puts()).toBe(0);
  });

  it('sends again what CloudWatch did not take, and counts it once', async () => {
    const { send, statistic, sandbox } = await opened();
    const batch = [row(1, minute), row(2, minute)];
    sandbox.replaceFaults(parseFaults('aws-outage'));
    expect(await send(batch)).toMatchObject({
      retry: [1, 2],
      retryReason: expect.stringMatching(/PutMetricData/),
    });
    sandbox.replaceFaults(noFaults);
    expect((await send(batch)).accepted).toEqual([1, 2]);
    expect(await statistic('auth.latency', 'SampleCount', minute)).toBe(2);
  });

  it('says that what is sent twice counts twice', async () => {
    const { send, statistic, sink } = await opened();
    const batch = [row(1, minute)];
    await send(batch);
    await send(batch);
    expect(await statistic('auth.latency', 'SampleCount', minute)).toBe(2);
    expect(sink.repeatsCount).toBe(true);
  });

  it('holds its lane where the role may not publish, and names the permission', async () => {
    const { send, sandbox } = await opened();
    sandbox.replaceFaults(parseFaults('denied'));
    const verdict = await send([row(1, minute)]);
    expect(verdict).toMatchObject({ retry: [1] });
    expect(verdict.held?.reason).toContain('cloudwatch:PutMetricData');
  });

  it('gives up what CloudWatch would refuse for its time, and publishes the rest', async () => {
    const { send, statistic } = await opened();
    const verdict = await send([
      row(1, NOW_MS - 15 * 86_400_000),
      row(2, minute),
      row(3, NOW_MS + 3 * 3_600_000),
    ]);
    expect(verdict).toMatchObject({
      accepted: [2],
      expired: [{ seq: 1, reason: 'CloudWatch takes metrics of the last two weeks' }],
      rejected: [{ seq: 3, reason: 'CloudWatch takes no metric of the future' }],
    });
    expect(await statistic('auth.latency', 'SampleCount', minute)).toBe(1);
  });
});
