import { silentLogger } from '../../src/core/logger.ts';
import { silentMeter } from '../../src/core/meter.ts';
import type { MetricRecord, MetricSeries } from '../../src/model/metric-record.ts';
import type { LogPart } from '../../src/model/part.ts';
import type { LogEvent, Window } from '../../src/model/source-event.ts';
import { createAccessLogReader } from '../../src/sources/access-logs/access-log-reader.ts';
import { compileAccessLogFormat } from '../../src/sources/access-logs/compile-format.ts';
import { DEFAULT_CONTEXT_ALIASES } from '../../src/sources/access-logs/to-access-part.ts';
import { createAuthorizerLogReader } from '../../src/sources/authorizer-logs/authorizer-log-reader.ts';
import { AUTO_FORM } from '../../src/sources/authorizer-logs/settings.ts';
import { createLogSource } from '../../src/sources/log-window-source.ts';
import { createMetricsSource } from '../../src/sources/metrics/metrics-source.ts';
import { awsError, type StubAnswer, type StubCall, startAwsStub } from '../aws/aws-stub.ts';
import { clientsForTest } from '../aws/clients-fixture.ts';
import {
  describeSourceContract,
  type SourceMood,
  type SourceUnderTest,
} from '../contract/source-contract.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { GROUP, stageOf, visibleRedactor } from './log-fixtures.ts';

const MINUTE = 60_000;
const FROM_MS = Date.UTC(2026, 10, 22, 9, 50, 0);
const WINDOW: Window = { fromMs: FROM_MS, toMs: FROM_MS + 5 * MINUTE };
const UNIT = 'logs:111122223333:eu-west-1:/apigw/orders';

const BUSY = awsError('ServiceUnavailableException', 'Service unavailable', 503);
const REFUSED = awsError('AccessDeniedException', 'User is not authorized to perform this');

/** Three pages, the second one empty; in the mood `mixed` the third is refused as too much. */
function logAnswer(mood: SourceMood, messages: readonly string[], call: StubCall): StubAnswer {
  if (mood === 'transient') return BUSY;
  if (mood === 'permanent') return REFUSED;
  if (mood === 'empty') return { body: { events: [], searchedLogStreams: [] } };
  const events = messages.map((message, n) => ({
    eventId: `event-${n}`,
    logStreamName: 'stream-1',
    timestamp: FROM_MS + n * 1_000,
    ingestionTime: FROM_MS + n * 1_000 + 500,
    message,
  }));
  const half = Math.ceil(events.length / 2);
  const token = call.body.nextToken;
  if (token === undefined) return { body: { events: events.slice(0, half), nextToken: 'page-2' } };
  if (token === 'page-2') return { body: { events: [], nextToken: 'page-3' } };
  return mood === 'mixed' ? BUSY : { body: { events: events.slice(half) } };
}

async function logSource(
  messages: readonly string[],
  toParts: (events: readonly LogEvent[]) => readonly LogPart[],
): Promise<SourceUnderTest<LogPart>> {
  let mood: SourceMood = 'success';
  const stub = await startAwsStub((call) => logAnswer(mood, messages, call));
  const client = clientsForTest({ maxAttempts: 1 });
  const ids = messages.map((_message, n) => `event-${n}`);
  return {
    source: createLogSource({ unit: UNIT, group: GROUP, client, toParts }),
    window: WINDOW,
    setMood: (next) => {
      mood = next;
    },
    idOf: (part) => part.source.eventId,
    all: ids,
    shownWhenMixed: ids.slice(0, Math.ceil(ids.length / 2)),
    calls: () => stub.calls.length,
    close: async () => {
      client.close();
      await stub.close();
    },
  };
}

/** One line in ten is cut in the middle: it must come out as well, unparsed. */
describeSourceContract('an access log', () => {
  const format = compileAccessLogFormat('{"id":"$context.extendedRequestId","status":"$context.status"}');
  const messages = Array.from({ length: 25 }, (_, n) => {
    const whole = `{"id":"ext-${n}","status":"200"}`;
    return n % 10 === 9 ? whole.slice(0, 9) : whole;
  });
  const toParts = createAccessLogReader({
    group: GROUP,
    candidates: [{ stage: stageOf(), format }],
    redactor: visibleRedactor,
    customerOf: new Map(),
    aliasesOf: () => DEFAULT_CONTEXT_ALIASES,
  });
  return logSource(messages, toParts);
});

/** Lines within an invocation, lines outside of any, and lines in no form at all. */
describeSourceContract('an authorizer log', () => {
  const id = '7c1b4f6e-0d6a-4f0c-9a53-7f1d1e1a2b3c';
  const messages = [
    'INIT_START Runtime Version: nodejs:24.v1',
    `START RequestId: ${id} Version: $LATEST`,
    `2026-11-22T09:50:02.000Z\t${id}\tINFO\tdecision=Allow principalId=svc-9`,
    'a line that nothing reads',
    `END RequestId: ${id}`,
    `REPORT RequestId: ${id}\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\tMax Memory Used: 70 MB`,
  ];
  const toParts = createAuthorizerLogReader({
    group: GROUP,
    unit: UNIT,
    form: AUTO_FORM,
    redactor: visibleRedactor,
    customerOf: new Map(),
  });
  return logSource(messages, toParts);
});

function seriesOf(metricName: string): MetricSeries {
  return {
    account: '111122223333',
    region: 'eu-west-1',
    namespace: 'AWS/ApiGateway',
    metricName,
    dimensions: { ApiName: 'orders', Stage: 'prod' },
    protocol: 'REST',
    periodS: 60,
    statistics: ['SampleCount', 'Average'],
    unit: '1',
  };
}

interface Query {
  readonly Id: string;
  readonly MetricStat: { readonly Metric: { readonly MetricName: string } };
}

function isQuery(value: unknown): value is Query {
  return typeof value === 'object' && value !== null && 'Id' in value && 'MetricStat' in value;
}

const MINUTES = 5;

/** One point a minute; in the mood `mixed` the second series is not answered whole. */
function metricAnswer(mood: SourceMood, call: StubCall): StubAnswer {
  if (mood === 'transient') return BUSY;
  if (mood === 'permanent') return REFUSED;
  const queries = Array.isArray(call.body.MetricDataQueries)
    ? call.body.MetricDataQueries.filter(isQuery)
    : [];
  const minutes = mood === 'empty' ? [] : Array.from({ length: MINUTES }, (_, n) => n);
  return {
    body: {
      MetricDataResults: queries.map(({ Id, MetricStat }) => {
        const isShort = mood === 'mixed' && MetricStat.Metric.MetricName === 'Count';
        const shown = isShort ? minutes.slice(0, 2) : minutes;
        return {
          Id,
          StatusCode: isShort ? 'InternalError' : 'Complete',
          Timestamps: shown.map((n) => (FROM_MS + n * MINUTE) / 1_000),
          Values: shown.map((n) => n + 1),
        };
      }),
    },
  };
}

describeSourceContract<MetricRecord>('metrics', async () => {
  let mood: SourceMood = 'success';
  const stub = await startAwsStub((call) => metricAnswer(mood, call));
  const client = clientsForTest({ maxAttempts: 1 });
  const idsOf = (metricName: string) =>
    Array.from({ length: MINUTES }, (_, n) => `${metricName} ${FROM_MS + n * MINUTE}`);
  return {
    source: createMetricsSource({
      account: '111122223333',
      region: 'eu-west-1',
      series: () => ['Latency', 'Count'].map(seriesOf),
      client,
      clock: new FakeClock(FROM_MS + 30 * MINUTE),
      logger: silentLogger,
      meter: silentMeter,
    }),
    window: WINDOW,
    setMood: (next) => {
      mood = next;
    },
    idOf: ({ metricName, eventMs }) => `${metricName} ${eventMs}`,
    all: [...idsOf('Latency'), ...idsOf('Count')],
    shownWhenMixed: idsOf('Latency'),
    calls: () => stub.calls.length,
    close: async () => {
      client.close();
      await stub.close();
    },
  };
});
