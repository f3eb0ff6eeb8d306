import { type Clock, createSystemClock } from '../../src/core/clock.ts';
import type { Journal, JournalEntry } from '../../src/model/journal.ts';
import type { Sink, Verdict } from '../../src/model/sink.ts';
import { LaneDrain, type LaneSettings } from '../../src/pipeline/drain-lane.ts';
import { LAST_ANSWER_MS } from '../../src/pipeline/last-answer.ts';
import { lane, requestRecord } from '../contract/journal-records.ts';
import { commitRecords } from '../store/commits.ts';
import { TemporaryJournal } from '../store/temporary-journal.ts';
import { FakeClock, quiet } from '../support/fake-clock.ts';
import { RecordingLogger, RecordingMeter } from '../support/recorders.ts';

type Batch = readonly JournalEntry[];
type Answer = (batch: Batch, signal: AbortSignal) => Verdict | Promise<Verdict>;

const NOTHING: Verdict = { accepted: [], rejected: [], expired: [], filtered: [], retry: [] };

export function seqs(batch: Batch): number[] {
  return batch.map(({ seq }) => seq);
}

export const accepts: Answer = (batch) => ({ ...NOTHING, accepted: seqs(batch) });

export function busy(more: Partial<Verdict> = {}): Answer {
  return (batch) => ({ ...NOTHING, retry: seqs(batch), retryReason: 'server busy', ...more });
}

export function holds(reason: string): Answer {
  return (batch) => ({ ...NOTHING, retry: seqs(batch), held: { reason } });
}

/** Each entry by its own rule; what has none is accepted. */
export function sorts(rules: Readonly<Record<number, 'reject' | 'expire' | 'filter' | 'retry'>>): Answer {
  return (batch) => {
    const having = (rule: string | undefined) => seqs(batch).filter((seq) => rules[seq] === rule);
    return {
      accepted: having(undefined),
      rejected: having('reject').map((seq) => ({ seq, reason: 'field `time` is no number' })),
      expired: having('expire').map((seq) => ({ seq, reason: 'older than 24 h' })),
      filtered: having('filter'),
      retry: having('retry'),
      ...(having('retry').length > 0 && { retryReason: 'sent back' }),
    };
  };
}

/** Plays its answers in order, then the last one for ever; keeps what it was sent. */
export class ScriptedSink implements Sink {
  readonly name: string;
  readonly streams = ['records'] as const;
  readonly maxBatchEntries: number;
  readonly sent: number[][] = [];
  refreshed = 0;
  refreshFailure: Error | undefined;
  repeatsCount = false;
  #answers: Answer[];

  constructor(name: string, maxBatchEntries: number, ...answers: Answer[]) {
    this.name = name;
    this.maxBatchEntries = maxBatchEntries;
    this.#answers = answers;
  }

  answerWith(...answers: Answer[]): void {
    this.#answers = answers;
  }

  async send(batch: Batch, signal: AbortSignal): Promise<Verdict> {
    this.sent.push(seqs(batch));
    const answer = (this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0]) ?? accepts;
    return answer(batch, signal);
  }

  refreshSecrets(): void {
    this.refreshed += 1;
    if (this.refreshFailure !== undefined) throw this.refreshFailure;
  }

  async close(): Promise<void> {}
}

const SETTINGS: LaneSettings = {
  firstRetryMs: 1_000,
  maxRetryMs: 60_000,
  heldProbeMs: 30_000,
  batchesInFlight: 1,
};

/** Lanes over one journal, under a clock the test moves. */
export class LaneRig {
  readonly files: TemporaryJournal;
  /** Real time, for what sleeps beside code that the test does not steer. */
  readonly hostClock = createSystemClock();
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly meter = new RecordingMeter();
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>[] = [];
  readonly journal: Journal;

  constructor(files: TemporaryJournal, journal: Journal) {
    this.files = files;
    this.journal = journal;
  }

  static async start(): Promise<LaneRig> {
    const files = new TemporaryJournal();
    return new LaneRig(files, await files.open());
  }

  /** Adds rows with these ids; the first row of a journal has `seq` 1. */
  async rows(...ids: readonly string[]): Promise<void> {
    const eventMs = this.clock.now();
    await commitRecords(
      this.journal,
      ids.map((id) => requestRecord({ recordId: id, eventId: `${id} said`, eventMs })),
    );
  }

  async lane(
    sink: Sink,
    settings: Partial<LaneSettings> = {},
    journal = this.journal,
    clock: Clock = this.clock,
  ): Promise<LaneDrain> {
    const { logger, meter } = this;
    const id = lane(sink.name);
    const all = { ...SETTINGS, ...settings };
    const drain = new LaneDrain({ id, journal, sink, clock, logger, meter, random: () => 1, settings: all });
    await drain.start();
    return drain;
  }

  /** The journal, as one that answers acknowledgements only after others had time to ask for theirs. */
  slowlyAcknowledging(): Journal {
    return this.journalWith({
      ackLane: async (ack) => {
        await quiet();
        return this.journal.ackLane(ack);
      },
    });
  }

  /** The journal with some of its methods replaced. */
  journalWith(replaced: Partial<Pick<Journal, 'ackLane' | 'readLane' | 'rowsAt' | 'setLaneHeld'>>): Journal {
    return new Proxy(this.journal, {
      get: (target, property) => {
        const own = Reflect.has(replaced, property);
        const value: unknown = Reflect.get(own ? replaced : target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** Runs the lane until the test ends; a lane that ends by itself tells why through the promise. */
  run(drain: LaneDrain): Promise<unknown> {
    const ended = drain.run(this.#stop.signal).catch((error: unknown) => error);
    this.#running.push(ended);
    return ended;
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the test is over'));
    // What is on its way is waited for a while.
    await this.clock.advance(LAST_ANSWER_MS);
    await Promise.all(this.#running);
  }

  async dispose(): Promise<void> {
    await this.stop();
    await this.files.dispose();
  }
}
