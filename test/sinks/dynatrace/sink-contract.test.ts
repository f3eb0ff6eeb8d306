import { Secret } from '../../../src/core/secret.ts';
import type { JournalEntry } from '../../../src/model/journal.ts';
import { createDynatraceOtlpSink } from '../../../src/sinks/dynatrace/dynatrace-otlp-sink.ts';
import { createDynatraceOtlpSettings } from '../../../src/sinks/dynatrace/otlp-settings.ts';
import {
  describeSinkContract,
  isPoison,
  type Mood,
  type SinkUnderTest,
} from '../../contract/sink-contract.ts';
import { alarmRecord, entryOf, metricRecord, requestRecord } from '../entries.ts';
import { PARTS } from '../sink-harness.ts';
import {
  errorEnvelope,
  type FakeOtlp,
  startFakeOtlp,
  type TakenEvent,
  type TakenLog,
  type TakenPoint,
} from './fake-otlp.ts';

const API_OF_METRIC = /^orders-(\d+)$/;

describeSinkContract('Dynatrace with requests', () =>
  start(
    (seq) => entryOf(seq, requestRecord(seq)),
    (otlp) => otlp.logs.map(({ attributes }) => String(attributes.event_id)),
  ),
);

/** Each is a log record first and an event of its problem then: what came as both counts. */
describeSinkContract('Dynatrace with changes of alarms', () =>
  start(
    (seq) => entryOf(seq, alarmRecord(seq, { alarmName: `slow/${seq}` })),
    ({ events, logs }) =>
      events
        .map(({ attributes }) => String(attributes.event_id))
        .filter((id) => logs.some(({ attributes }) => attributes.event_id === id)),
  ),
);

describeSinkContract('Dynatrace with metric points', () =>
  start(
    (seq) => entryOf(seq, metricRecord(seq)),
    // A point has no event id: its series stands for it.
    (otlp) =>
      otlp.points
        .filter(({ key }) => key.endsWith('.p99'))
        .map((point) => metricRecord(seqOf(point)).eventId),
  ),
);

async function start(
  entry: (seq: number) => JournalEntry,
  taken: (otlp: FakeOtlp) => readonly string[],
): Promise<SinkUnderTest> {
  const otlp = await startFakeOtlp();
  const token = new Secret('good', () => 'rotated');
  const settings = createDynatraceOtlpSettings({ url: otlp.server.url, token, timeoutMs: 300 });
  const sink = createDynatraceOtlpSink({ ...PARTS, name: 'dynatrace', settings });
  return {
    sink,
    setMood: (mood) => setMood(otlp, mood),
    taken: () => taken(otlp),
    requests: () => otlp.server.received.length,
    nextRequest: () => otlp.server.nextRequest(),
    batch: (firstSeq, count) => Array.from({ length: count }, (_, n) => entry(firstSeq + n)),
    close: async () => {
      await sink.close();
      await otlp.close();
    },
  };
}

/** Requests carry their `seq` in the path, alarms in their name, metrics in the name of the API. */
function seqOf(item: TakenPoint | TakenLog | TakenEvent): number {
  const text = String(
    item.attributes['url.path'] ?? item.attributes['gatewatch.alarm.name'] ?? item.attributes.api_name,
  );
  return Number(API_OF_METRIC.exec(text)?.[1] ?? text.split('/').at(-1));
}

function setMood(otlp: FakeOtlp, mood: Mood): void {
  otlp.isSilent = mood === 'silent';
  otlp.token = mood === 'wrong_token' ? 'rotated' : 'good';
  otlp.refuse = (_request, items) => {
    if (mood === 'transient') return errorEnvelope(503, 'busy');
    const refuses = mood === 'permanent' || (mood === 'mixed' && items.some((item) => isPoison(seqOf(item))));
    return refuses ? errorEnvelope(400, 'Constraints violated') : undefined;
  };
}
