import type { Clock } from '../core/clock.ts';
import type { Journal, LedgerEntry } from '../model/journal.ts';
import type { Source, Window } from '../model/source-event.ts';
import type { AlarmChange } from '../sources/alarm-changes/alarm-changes-source.ts';
import type { AlarmStates, MakeAlarmRecords } from '../sources/alarm-changes/alarm-records.ts';
import type { Ingest } from './ingest.ts';
import { OpenProblems } from './open-problems.ts';

const HOUR_MS = 3_600_000;
/** A change may show in the history some time after it was made: so much is asked for again with each poll. */
const OVERLAP_MS = 600_000;
/** How far back changes are read the first time. */
const FIRST_READ_MS = HOUR_MS;
/** Longest span read in one go. */
const SLICE_MS = 6 * HOUR_MS;
/** What AWS surely keeps of the history; the documents say two weeks and 30 days. */
const KEPT_MS = 14 * 24 * HOUR_MS;

/** The state changes of the alarms of one account and Region: reads what is new, and stores each change once. */
export class AlarmUnit {
  readonly #source: Source<AlarmChange>;
  readonly #makeRecords: MakeAlarmRecords;
  readonly #states: AlarmStates;
  readonly #ingest: Ingest;
  readonly #journal: Pick<Journal, 'latest' | 'allState'>;
  readonly #clock: Clock;
  #problems: OpenProblems | undefined;

  constructor(options: {
    readonly source: Source<AlarmChange>;
    readonly makeRecords: MakeAlarmRecords;
    readonly states: AlarmStates;
    readonly ingest: Ingest;
    readonly journal: Pick<Journal, 'latest' | 'allState'>;
    readonly clock: Clock;
  }) {
    this.#source = options.source;
    this.#makeRecords = options.makeRecords;
    this.#states = options.states;
    this.#ingest = options.ingest;
    this.#journal = options.journal;
    this.#clock = options.clock;
  }

  get unit(): string {
    return this.#source.unit;
  }

  /** Reads up to now, oldest first, and reminds of what goes on. Returns how many records that made. */
  async poll(signal: AbortSignal): Promise<number> {
    this.#problems ??= await OpenProblems.load(this.unit, this.#journal);
    const problems = this.#problems;
    const nowMs = this.#clock.now();
    const known = this.#ingest.checkpointOf(this.unit)?.readThroughMs;
    let fromMs = known === undefined ? nowMs - FIRST_READ_MS : known - OVERLAP_MS;
    if (known !== undefined && known < nowMs - KEPT_MS) {
      fromMs = nowMs - KEPT_MS;
      await this.#noteGap({ fromMs: known, toMs: fromMs });
    }
    let stored = 0;
    while (fromMs < nowMs) {
      const toMs = Math.min(fromMs + SLICE_MS, nowMs);
      stored += await this.#readSlice({ fromMs, toMs }, Math.max(known ?? 0, toMs), problems, signal);
      fromMs = toMs;
    }
    return stored + (await this.#remind(problems, nowMs, signal));
  }

  async #remind(problems: OpenProblems, nowMs: number, signal: AbortSignal): Promise<number> {
    if (!problems.isDue(nowMs)) return 0;
    const { records, state, committed } = problems.remind(await this.#states(signal), nowMs);
    const entries = await this.#ingest.commitRevisions(this.unit, records, state);
    committed();
    return entries.length;
  }

  /** A slice is stored as a whole, in the commit that moves the position. */
  async #readSlice(
    window: Window,
    readThroughMs: number,
    problems: OpenProblems,
    signal: AbortSignal,
  ): Promise<number> {
    const changes = new Map<string, AlarmChange>();
    let read = 0;
    for await (const page of this.#source.read(window, signal)) {
      read += page.read;
      for (const change of page.items) changes.set(change.recordId, change);
    }
    const stored = await this.#journal.latest([...changes.keys()], window.fromMs);
    const fresh = [...changes.values()].filter(({ recordId }) => !stored.has(recordId));
    const { records, state, committed } = problems.follow(await this.#makeRecords(fresh, signal));
    const ledger = this.#ledger(window, read, records.length);
    const next = { readThroughMs, rereads: [] };
    const entries = await this.#ingest.commitRecords(this.unit, records, ledger, next, state);
    committed();
    return entries.length;
  }

  async #noteGap(span: Window): Promise<void> {
    const reason = 'CloudWatch keeps the history of alarms for two weeks';
    await this.#ingest.commitGap({ unit: this.unit, ...span, reason, recordedMs: this.#clock.now() });
  }

  #ledger(window: Window, read: number, seen: number): LedgerEntry {
    return { unit: this.unit, window, read, seen, stored: seen, quarantined: 0, filtered: 0, unparsed: 0 };
  }
}
