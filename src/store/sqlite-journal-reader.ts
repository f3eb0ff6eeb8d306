import type { DatabaseSync } from 'node:sqlite';
import type {
  Checkpoint,
  Gap,
  JournalEntry,
  JournalReader,
  LaneState,
  LedgerEntry,
  Outcomes,
  RecordQuery,
  RowSpan,
  StateRow,
  StoredDeadLetter,
  StreamName,
} from '../model/journal.ts';
import type { Order } from '../model/order.ts';
import { readDeadLetters } from './dead-letter-table.ts';
import { type Delivery, readDeliveries, readLanes } from './lane-tables.ts';
import { readOrders } from './order-table.ts';
import { readCheckpoints, readGaps, readLedger } from './position-tables.ts';
import { TrailReader } from './segments/trail-reader.ts';
import { toJournalError } from './sqlite-error.ts';
import { allStateRows } from './state-table.ts';

/** The reading half over any connection. Statements are short: a long one would keep the log from being checkpointed. */
export class SqliteJournalReader implements JournalReader {
  readonly #db: DatabaseSync;
  readonly #path: string;
  protected readonly records: TrailReader;

  readonly #onFailure: (error: unknown) => void;

  /** `onFailure` is told of every failed read, as the error that the caller gets. */
  constructor(db: DatabaseSync, path: string, onFailure: (error: unknown) => void = () => undefined) {
    this.#db = db;
    this.#path = path;
    this.#onFailure = onFailure;
    this.records = new TrailReader(db, path);
  }

  async query(query: RecordQuery): Promise<readonly JournalEntry[]> {
    return this.reading(() => this.records.query(query));
  }

  async latest(recordIds: readonly string[], sinceMs?: number) {
    const newest = this.reading(() => this.records.newestOf(recordIds, sinceMs));
    return new Map([...newest].map(([id, { eventId, revision }]) => [id, { eventId, revision }] as const));
  }

  async readStream(stream: StreamName, afterSeq: number, limit: number): Promise<readonly JournalEntry[]> {
    return this.reading(() => this.records.readStream(stream, afterSeq, limit));
  }

  async readSpan(span: RowSpan, limit: number): Promise<readonly JournalEntry[]> {
    return this.reading(() => this.records.readSpan(span, limit));
  }

  async rowsAt(seqs: readonly number[]): Promise<readonly JournalEntry[]> {
    const ascending = seqs.toSorted((a, b) => a - b);
    return this.reading(() => ascending.flatMap((seq) => this.records.at(seq)?.entry ?? []));
  }

  async lanes(): Promise<readonly LaneState[]> {
    return this.reading(() => readLanes(this.#db));
  }

  async checkpoints(): Promise<readonly Checkpoint[]> {
    return this.reading(() => readCheckpoints(this.#db));
  }

  async ledger(fromMs: number, toMs: number): Promise<readonly LedgerEntry[]> {
    return this.reading(() => readLedger(this.#db, fromMs, toMs));
  }

  async gaps(): Promise<readonly Gap[]> {
    return this.reading(() => readGaps(this.#db));
  }

  async outcomes(fromMs: number, toMs: number): Promise<Outcomes> {
    return this.reading(() => this.records.outcomes(fromMs, toMs));
  }

  async *allState(kind: string, prefix?: string, from?: string): AsyncIterable<StateRow> {
    const rows = allStateRows(this.#db, kind, prefix, from)[Symbol.iterator]();
    for (
      let next = this.reading(() => rows.next());
      next.done !== true;
      next = this.reading(() => rows.next())
    )
      yield next.value;
  }

  async deadLetters(lane?: string): Promise<readonly StoredDeadLetter[]> {
    return this.reading(() => readDeadLetters(this.#db, lane));
  }

  async deliveryOf(seq: number): Promise<readonly Delivery[]> {
    return this.reading(() => readDeliveries(this.#db, seq));
  }

  async orders(): Promise<readonly Order[]> {
    return this.reading(() => readOrders(this.#db));
  }

  async close(): Promise<void> {
    this.records.close();
    if (this.#db.isOpen) this.#db.close();
  }

  protected reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      const known = toJournalError(error, this.#path);
      this.#onFailure(known);
      throw known;
    }
  }
}
