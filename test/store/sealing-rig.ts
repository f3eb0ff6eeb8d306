import type { Journal, JournalEntry } from '../../src/model/journal.ts';
import type { SealSettings } from '../../src/model/journal-upkeep.ts';
import type { RequestRecord } from '../../src/model/request-record.ts';
import type { OpenJournalOptions } from '../../src/store/open-journal.ts';
import type { SqliteJournal } from '../../src/store/sqlite-journal.ts';
import { lane } from '../contract/journal-records.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { commitRecords, nthRecord } from './commits.ts';
import { TemporaryJournal } from './temporary-journal.ts';

export const DAY = 86_400_000;
export const HOUR = 3_600_000;
export const FIRST_DAY = Date.UTC(2026, 10, 1);
export const SETTINGS: SealSettings = { sealAfterMs: 48 * HOUR, segmentBytes: 50_000_000 };
const RESERVE_BYTES = 1_000_000;

/** The n-th record of a day, a second apart. */
export function dayRecord(day: number, n: number): RequestRecord {
  return { ...nthRecord(day * 100_000 + n), eventMs: FIRST_DAY + day * DAY + n * 1_000 };
}

/** A journal that takes a number of rows per day and delivers them, under a clock that goes with it. */
export class SealingRig {
  readonly store = new TemporaryJournal();
  readonly clock = new FakeClock(FIRST_DAY);
  #journal: SqliteJournal | undefined;

  get journal(): SqliteJournal {
    if (this.#journal === undefined) throw new Error('Expected an open journal');
    return this.#journal;
  }

  async open(options: Partial<OpenJournalOptions> = {}): Promise<SqliteJournal> {
    await this.#journal?.close();
    this.#journal = await this.store.open({ clock: this.clock, reserveBytes: RESERVE_BYTES, ...options });
    await this.#journal.lane(lane('splunk'));
    return this.#journal;
  }

  /** Rows of these days in commits of 40, each day at its own time, all delivered. */
  async days(from: number, to: number, rows: number): Promise<void> {
    for (let day = from; day < to; day += 1) {
      this.clock.skip(Math.max(0, FIRST_DAY + day * DAY + HOUR - this.clock.now()));
      for (let n = 0; n < rows; n += 40) {
        const batch = Array.from({ length: Math.min(40, rows - n) }, (_, index) => dayRecord(day, n + index));
        await commitRecords(this.journal, batch);
      }
      await this.journal.upkeep.mark(this.clock.now());
    }
    await this.deliver(await this.journal.lastSeq());
  }

  async deliver(cursor: number): Promise<void> {
    const counts = { accepted: 1, rejected: 0, rejectedUnknown: 0, expired: 0, filtered: 0 };
    const rest = { deadLetters: [], expired: [], nowMs: this.clock.now() };
    await this.journal.ackLane({ lane: 'splunk', epoch: this.journal.epoch, cursor, counts, ...rest });
  }

  /** Seals all that may be. Returns how many segments came of it. */
  async seal(settings: SealSettings = SETTINGS): Promise<number> {
    for (let sealed = 0; ; sealed += 1) {
      if ((await this.journal.upkeep.sealNext(settings, this.clock.now())) === undefined) return sealed;
      await this.journal.upkeep.shrink();
    }
  }
}

export async function everyRow(journal: Pick<Journal, 'readStream'>): Promise<JournalEntry[]> {
  const rows: JournalEntry[] = [];
  for (;;) {
    const page = await journal.readStream('records', rows.at(-1)?.seq ?? 0, 333);
    if (page.length === 0) return rows;
    rows.push(...page);
  }
}

/** 1, 2, 3 … */
export function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
