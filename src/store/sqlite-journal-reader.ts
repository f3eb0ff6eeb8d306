import type { DatabaseSync } from 'node:sqlite';
import type {
  Checkpoint,
  DeadLetter,
  Gap,
  JournalEntry,
  JournalReader,
  LaneState,
  LedgerEntry,
  RecordQuery,
  StreamName,
} from '../model/journal.ts';
import { type Delivery, readDeadLetters, readDeliveries, readLanes } from './lane-tables.ts';
import { readCheckpoints, readGaps, readLedger } from './position-tables.ts';
import { queryRecords } from './record-query.ts';
import { RecordReader } from './record-reader.ts';
import { toJournalError } from './sqlite-error.ts';

/** The reading half over any connection. Statements are short: a long one would keep the log from being checkpointed. */
export class SqliteJournalReader implements JournalReader {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #records: RecordReader;

  constructor(db: DatabaseSync, path: string) {
    this.#db = db;
    this.#path = path;
    this.#records = new RecordReader(db);
  }

  async query(query: RecordQuery): Promise<readonly JournalEntry[]> {
    return this.#reading(() => queryRecords(this.#db, this.#records, query));
  }

  async latest(recordIds: readonly string[]) {
    return this.#reading(() => {
      const found = new Map<string, { readonly eventId: string; readonly revision: number }>();
      for (const recordId of recordIds) {
        const newest = this.#records.newest(recordId);
        if (newest !== undefined) found.set(recordId, { eventId: newest.eventId, revision: newest.revision });
      }
      return found;
    });
  }

  async readStream(stream: StreamName, afterSeq: number, limit: number): Promise<readonly JournalEntry[]> {
    return this.#reading(() => this.#records.readStream(stream, afterSeq, limit));
  }

  async lanes(): Promise<readonly LaneState[]> {
    return this.#reading(() => readLanes(this.#db));
  }

  async checkpoints(): Promise<readonly Checkpoint[]> {
    return this.#reading(() => readCheckpoints(this.#db));
  }

  async ledger(fromMs: number, toMs: number): Promise<readonly LedgerEntry[]> {
    return this.#reading(() => readLedger(this.#db, fromMs, toMs));
  }

  async gaps(): Promise<readonly Gap[]> {
    return this.#reading(() => readGaps(this.#db));
  }

  async deadLetters(lane?: string): Promise<readonly DeadLetter[]> {
    return this.#reading(() => readDeadLetters(this.#db, lane));
  }

  async deliveryOf(seq: number): Promise<readonly Delivery[]> {
    return this.#reading(() => readDeliveries(this.#db, seq));
  }

  async close(): Promise<void> {
    if (this.#db.isOpen) this.#db.close();
  }

  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw toJournalError(error, this.#path);
    }
  }
}
