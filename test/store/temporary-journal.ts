import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { type OpenJournalOptions, openJournal } from '../../src/store/open-journal.ts';
import type { SqliteJournal } from '../../src/store/sqlite-journal.ts';

export const START_MS = Date.UTC(2026, 10, 22, 10, 0, 0);
export const LEASE_MS = 15_000;

/** A journal in a folder of its own, under a clock the test moves. */
export class TemporaryJournal {
  readonly folder = mkdtempSync(join(tmpdir(), 'gatewatch-journal-'));
  readonly path = join(this.folder, 'gatewatch.db');
  readonly #opened: SqliteJournal[] = [];
  nowMs = START_MS;

  get clock(): Clock {
    return { now: () => this.nowMs, monotonic: () => this.nowMs, sleep: () => Promise.resolve() };
  }

  async open(options: Partial<OpenJournalOptions> = {}): Promise<SqliteJournal> {
    const journal = await openJournal({
      path: this.path,
      clock: this.clock,
      logger: silentLogger,
      owner: `host:${this.#opened.length}`,
      leaseMs: LEASE_MS,
      ...options,
    });
    this.#opened.push(journal);
    return journal;
  }

  /** Opens another writer after every lease has run out. */
  async takeOver(): Promise<SqliteJournal> {
    this.nowMs += LEASE_MS + 1;
    return this.open();
  }

  async dispose(): Promise<void> {
    for (const journal of this.#opened) await journal.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
