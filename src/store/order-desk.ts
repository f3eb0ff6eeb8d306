import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../core/clock.ts';
import type { Order, OrderDesk } from '../model/order.ts';
import { inTransaction } from './connection.ts';
import { requireJournalFile } from './journal-file.ts';
import { insertOrder, readOrders } from './order-table.ts';
import { numberIn, textIn } from './row.ts';
import { requireCurrentSchema } from './schema.ts';
import { toJournalError } from './sqlite-error.ts';
import { refuseStrayLog } from './stray-log.ts';

/** How long a short write waits for the worker's own transactions. */
const BUSY_TIMEOUT_MS = 10_000;

/**
 * Opens the journal beside the worker that holds it. It writes single rows of `orders` and nothing else, so it takes no
 * epoch and fences nobody. Throws `journal_missing` where there is no journal yet.
 */
export async function openOrderDesk(path: string, clock: Clock): Promise<OrderDesk> {
  requireJournalFile(path);
  refuseStrayLog(path);
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    requireCurrentSchema(db, path);
    return new SqliteOrderDesk(db, path, clock);
  } catch (error) {
    db.close();
    throw toJournalError(error, path);
  }
}

class SqliteOrderDesk implements OrderDesk {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #clock: Clock;

  constructor(db: DatabaseSync, path: string, clock: Clock) {
    this.#db = db;
    this.#path = path;
    this.#clock = clock;
    db.exec('PRAGMA synchronous = FULL; PRAGMA mmap_size = 0; PRAGMA cache_size = -512;');
  }

  async orders(): Promise<readonly Order[]> {
    try {
      return readOrders(this.#db);
    } catch (error) {
      throw toJournalError(error, this.#path);
    }
  }

  async place(order: Order): Promise<void> {
    inTransaction(this.#db, this.#path, () => insertOrder(this.#db, order));
  }

  async holder(): Promise<string | undefined> {
    const row = this.#db.prepare('SELECT * FROM writer WHERE id = 1').get() ?? {};
    const freshUntilMs = numberIn(row, 'renewed_ms') + numberIn(row, 'lease_ms');
    if (numberIn(row, 'released') === 1 || this.#clock.now() >= freshUntilMs) return undefined;
    return textIn(row, 'owner');
  }

  async close(): Promise<void> {
    if (this.#db.isOpen) this.#db.close();
  }
}
