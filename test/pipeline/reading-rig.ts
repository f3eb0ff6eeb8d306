import { Correlator, defaultCorrelateSettings } from '../../src/correlate/correlator.ts';
import type { Journal, JournalEntry, KnownKeys, LedgerEntry, WindowCommit } from '../../src/model/journal.ts';
import type { LogPart } from '../../src/model/part.ts';
import type { Page, Source, Window } from '../../src/model/source-event.ts';
import { Ingest } from '../../src/pipeline/ingest.ts';
import { access } from '../correlate/scenario.ts';
import { TemporaryJournal } from '../store/temporary-journal.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RecordingLogger, RecordingMeter } from '../support/recorders.ts';

export const UNIT = 'logs:111122223333:eu-west-1:/apigw/orders';

/** One access line that needs no partner: its record leaves with the commit that brings it. */
export function line(id: string, atMs: number): LogPart {
  return access({ id, startMs: atMs - 100, kind: 'none', callVisible: false });
}

/** A line that no parser reads, or one that is only counted. */
export function oddLine(role: 'unparsed' | 'filtered', id: string, atMs: number): LogPart {
  const { source } = line(id, atMs);
  if (role === 'filtered') return { role, source, rule: 'init_start' };
  return {
    role,
    of: 'access',
    source,
    problem: 'no format fits',
    raw: id,
    rawSha256: id.padEnd(64, '0'),
    rawLength: id.length,
  };
}

/** For pages that come in order: the journal is not asked. */
export const neverAsked = async (): Promise<KnownKeys> => {
  throw new Error('Expected that nobody asks what is stored');
};

export function page<R>(items: readonly R[]): Page<R> {
  return { items, read: items.length, bytes: items.length };
}

/** What one read of a source gives, page by page; an error ends it there. */
export type Script<R> = readonly (Page<R> | Error)[];

/** Plays one script per read, in order, then nothing; and remembers the windows it was asked for. */
export class ScriptedSource<R> implements Source<R> {
  readonly unit: string;
  readonly windows: Window[] = [];
  /** Called when a read begins. */
  onRead: () => Promise<void> = async () => undefined;
  readonly #scripts: Script<R>[];

  constructor(unit: string, ...scripts: Script<R>[]) {
    this.unit = unit;
    this.#scripts = scripts;
  }

  async *read(window: Window): AsyncIterable<Page<R>> {
    this.windows.push(window);
    await this.onRead();
    for (const next of this.#scripts.shift() ?? []) {
      if (next instanceof Error) throw next;
      yield next;
    }
  }
}

/** Ingest over a real journal, under a clock the test moves. */
export class ReadingRig {
  readonly files = new TemporaryJournal();
  readonly clock = new FakeClock();
  readonly meter = new RecordingMeter();
  readonly committed: JournalEntry[] = [];
  readonly commits: WindowCommit[] = [];
  /** The next commits fail for these reasons. */
  readonly failures: Error[] = [];
  /** The next times the join is read back fail for these reasons. */
  readonly resetFailures: Error[] = [];
  readonly logger = new RecordingLogger();
  /** Units that are read; of the others nobody waits for a line. */
  readonly readUnits = new Set<string>();
  /** Lines that a commit takes on beside its own, from the next start on. */
  linesPerStep = defaultCorrelateSettings.linesPerStep;
  /** What was committed is more than deliveries can send at once. */
  isCrowded = false;
  resets = 0;
  #journal: Journal | undefined;
  #ingest: Ingest | undefined;

  static async start(): Promise<ReadingRig> {
    const rig = new ReadingRig();
    await rig.restart();
    return rig;
  }

  get journal(): Journal {
    if (this.#journal === undefined) throw new Error('Expected a started rig');
    return this.#journal;
  }

  get ingest(): Ingest {
    if (this.#ingest === undefined) throw new Error('Expected a started rig');
    return this.#ingest;
  }

  /** What a new worker finds: the journal, and nothing else. Leases of the one before have run out. */
  async restart(): Promise<void> {
    const opened = await this.files.takeOver();
    this.#journal = this.#watched(opened);
    const rig = this;
    const correlator = new (class extends Correlator {
      override reset(): Promise<void> {
        rig.resets += 1;
        const failure = rig.resetFailures.shift();
        return failure === undefined ? super.reset() : Promise.reject(failure);
      }
    })({
      store: opened,
      settings: { ...defaultCorrelateSettings, linesPerStep: this.linesPerStep },
      topology: () => ({
        accessUnitsOf: () => [],
        stageOf: () => {
          throw new Error('Expected no invocation without a request');
        },
      }),
    });
    this.#ingest = new Ingest({
      journal: this.#journal,
      correlator,
      clock: this.clock,
      meter: this.meter,
      logger: this.logger,
      allowanceOf: () => 60_000,
      isRead: (unit) => this.readUnits.has(unit),
      isCrowded: () => this.isCrowded,
      onCommit: (entries) => this.committed.push(...entries),
    });
    await this.#ingest.start();
  }

  async ledger(): Promise<readonly LedgerEntry[]> {
    return this.journal.ledger(0, Number.MAX_SAFE_INTEGER);
  }

  /** Extended request ids of every row of requests, in order. */
  async requests(): Promise<string[]> {
    const rows = await this.journal.readStream('records', 0, 1_000);
    return rows.map(({ record }) =>
      record.kind === 'request' ? (record.extendedRequestId ?? '') : record.kind,
    );
  }

  dispose(): Promise<void> {
    return this.files.dispose();
  }

  #watched(journal: Journal): Journal {
    return new Proxy(journal, {
      get: (target, property) => {
        if (property === 'commitWindow') return (commit: WindowCommit) => this.#commit(target, commit);
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  async #commit(journal: Journal, commit: WindowCommit): ReturnType<Journal['commitWindow']> {
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    this.commits.push(commit);
    return journal.commitWindow(commit);
  }
}
