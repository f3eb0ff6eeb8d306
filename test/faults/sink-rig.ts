import { createSteeredClock } from '../../src/core/clock.ts';
import type { Meter, MetricLabels } from '../../src/core/meter.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Journal, JournalRecord, LaneId, StreamName } from '../../src/model/journal.ts';
import type { Sink } from '../../src/model/sink.ts';
import { LaneDrain, type LaneSettings } from '../../src/pipeline/drain-lane.ts';
import { createDynatraceOtlpSink } from '../../src/sinks/dynatrace/dynatrace-otlp-sink.ts';
import {
  createDynatraceOtlpSettings,
  type DynatraceOtlpSettings,
} from '../../src/sinks/dynatrace/otlp-settings.ts';
import { createSplunkHecSettings, type SplunkHecSettings } from '../../src/sinks/splunk/hec-settings.ts';
import { createSplunkHecSink } from '../../src/sinks/splunk/splunk-hec-sink.ts';
import { startFakeOtlp } from '../sinks/dynatrace/fake-otlp.ts';
import { NOW_MS, requestRecord } from '../sinks/entries.ts';
import { startFakeHec } from '../sinks/splunk/fake-hec.ts';
import { commitRecords } from '../store/commits.ts';
import { TemporaryJournal } from '../store/temporary-journal.ts';
import { RecordingLogger } from '../support/recorders.ts';

/** Counters by name and by one label of theirs. */
export class LabelledMeter implements Meter {
  readonly counts = new Map<string, number>();

  count(name: string, value: number, labels: MetricLabels = {}): void {
    for (const key of [name, ...Object.entries(labels).map(([label, held]) => `${name} ${label}=${held}`)]) {
      this.counts.set(key, (this.counts.get(key) ?? 0) + value);
    }
  }

  gauge(): void {}

  observe(): void {}

  /** Requests that a sink counted under this answer. */
  answers(answer: string): number {
    return this.counts.get(`gatewatch_sink_requests_total answer=${answer}`) ?? 0;
  }
}

/** One event of Splunk for each request. */
export const onlyAccess = { access: true, authentication: false, metric: false };

const QUICK: LaneSettings = {
  firstRetryMs: 250,
  maxRetryMs: 30_000,
  heldProbeMs: 30_000,
  batchesInFlight: 3,
};

/** No wait of a lane takes longer than this in real time. */
const LONGEST_WAIT_MS = 5;

/**
 * Real sinks over real lanes and a real journal. What a lane waits between two attempts is written down and cut short;
 * time-outs of the network are real.
 */
export class SinkRig {
  readonly files = new TemporaryJournal();
  readonly logger = new RecordingLogger();
  readonly meter = new LabelledMeter();
  /** Every wait that was asked for, milliseconds. */
  readonly waited: number[] = [];
  readonly journal: Journal;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];
  readonly #sinks: Sink[] = [];
  readonly #destinations: { close(): Promise<void> }[] = [];

  private constructor(files: TemporaryJournal, journal: Journal) {
    this.files = files;
    this.journal = journal;
  }

  static async start(): Promise<SinkRig> {
    const files = new TemporaryJournal();
    return new SinkRig(files, await files.open());
  }

  /** With both destinations, which are closed with it. */
  static async withDestinations() {
    const rig = await SinkRig.start();
    const hec = await startFakeHec();
    const otlp = await startFakeOtlp();
    rig.#destinations.push(hec, otlp);
    return { rig, hec, otlp };
  }

  readonly #clock = createSteeredClock(() => NOW_MS);

  get clock() {
    return {
      ...this.#clock,
      sleep: (ms: number, signal?: AbortSignal) => {
        this.waited.push(ms);
        return this.#clock.sleep(Math.min(ms, LONGEST_WAIT_MS), signal);
      },
    };
  }

  get parts() {
    const { clock, logger, meter } = this;
    return { clock, logger, meter, random: () => 0.5 };
  }

  splunk(url: string, changes: Partial<SplunkHecSettings> = {}, random = () => 0.5): Sink {
    const settings = createSplunkHecSettings({
      url,
      token: new Secret('good'),
      timeoutMs: 5_000,
      ...changes,
    });
    return this.#keep(createSplunkHecSink({ ...this.parts, random, name: 'splunk', settings }));
  }

  dynatrace(url: string, changes: Partial<DynatraceOtlpSettings> = {}): Sink {
    const given = { url, token: new Secret('good'), timeoutMs: 5_000, ...changes };
    const settings = createDynatraceOtlpSettings(given);
    return this.#keep(createDynatraceOtlpSink({ ...this.parts, name: 'dynatrace', settings }));
  }

  #keep(sink: Sink): Sink {
    this.#sinks.push(sink);
    return sink;
  }

  async commit(records: readonly JournalRecord[]): Promise<void> {
    await commitRecords(this.journal, records);
  }

  /** `count` requests in the journal; their event ids, in order. */
  async requests(count: number, change: (n: number) => Parameters<typeof requestRecord>[1] = () => ({})) {
    const records = Array.from({ length: count }, (_, n) => requestRecord(n, change(n)));
    await this.commit(records);
    return records.map(({ eventId }) => eventId);
  }

  /** Runs a lane of this sink until the test ends. */
  async run(
    sink: Sink,
    settings: Partial<LaneSettings> = {},
    stream: StreamName = 'records',
  ): Promise<LaneDrain> {
    const id: LaneId = { sink: sink.name, stream, class: 'live', name: `${sink.name}/${stream}/live` };
    const drain = new LaneDrain({
      id,
      journal: this.journal,
      sink,
      ...this.parts,
      settings: { ...QUICK, ...settings },
    });
    await drain.start();
    this.#running.push(drain.run(this.#stop.signal));
    return drain;
  }

  async dispose(): Promise<void> {
    this.#stop.abort(new Error('the test is over'));
    await Promise.allSettled(this.#running);
    for (const sink of this.#sinks) await sink.close();
    for (const destination of this.#destinations) await destination.close();
    await this.files.dispose();
  }
}

/** Each id with the number of its copies. */
export function copiesOf(ids: Iterable<unknown>): ReadonlyMap<unknown, number> {
  const copies = new Map<unknown, number>();
  for (const id of ids) copies.set(id, (copies.get(id) ?? 0) + 1);
  return copies;
}
