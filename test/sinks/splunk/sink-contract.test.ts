import { Secret } from '../../../src/core/secret.ts';
import { createSplunkHecSettings, type SplunkHecSettings } from '../../../src/sinks/splunk/hec-settings.ts';
import type { HecTransport } from '../../../src/sinks/splunk/hec-transport.ts';
import { createSplunkHecSink } from '../../../src/sinks/splunk/splunk-hec-sink.ts';
import { createSplunkLoggingTransport } from '../../../src/sinks/splunk/splunk-logging-transport.ts';
import {
  describeSinkContract,
  isPoison,
  type Mood,
  type SinkUnderTest,
} from '../../contract/sink-contract.ts';
import { json } from '../../http/local-server.ts';
import { entryOf, requestRecord } from '../entries.ts';
import { PARTS } from '../sink-harness.ts';
import { type FakeHec, type HecEnvelope, startFakeHec } from './fake-hec.ts';

describeSinkContract('our own HEC client', () => start(() => undefined));
describeSinkContract('the splunk-logging adapter', () => start(createSplunkLoggingTransport));

async function start(
  transportOf: (settings: SplunkHecSettings) => HecTransport | undefined,
): Promise<SinkUnderTest> {
  const hec = await startFakeHec();
  const token = new Secret('good', () => 'rotated');
  const settings = createSplunkHecSettings({ url: hec.server.url, token, timeoutMs: 300 });
  const transport = transportOf(settings);
  const sink = createSplunkHecSink({
    ...PARTS,
    name: 'splunk',
    settings,
    ...(transport ? { transport } : {}),
  });
  return {
    sink,
    setMood: (mood) => setMood(hec, mood),
    taken: () => hec.indexed.filter(isAccess).map(({ fields }) => String(fields.event_id)),
    requests: () => hec.server.received.length,
    nextRequest: () => hec.server.nextRequest(),
    batch: (firstSeq, count) =>
      Array.from({ length: count }, (_, n) => entryOf(firstSeq + n, requestRecord(firstSeq + n))),
    close: async () => {
      await sink.close();
      await hec.close();
    },
  };
}

const isAccess = ({ sourcetype }: HecEnvelope) => sourcetype === 'gatewatch:access';

/** Records carry their `seq` in the path. */
function seqOf({ event }: HecEnvelope): number {
  return Number(String(event.request_id).slice(-6));
}

function setMood(hec: FakeHec, mood: Mood): void {
  hec.intercept = () => (mood === 'transient' ? json(503, { text: 'Server is busy', code: 9 }) : undefined);
  hec.isBad = (envelope) => mood === 'permanent' || (mood === 'mixed' && isPoison(seqOf(envelope)));
  hec.token = mood === 'wrong_token' ? 'rotated' : 'good';
  hec.isSilent = mood === 'silent';
}
