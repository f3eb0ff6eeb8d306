import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { StateChange, StateRow } from '../model/journal.ts';
import { numberIn, textIn } from './row.ts';

/** The first page is small, because many ask for the first rows alone and rows can be large; each is larger than the last. */
const FIRST_PAGE_ROWS = 16;
const MOST_PAGE_ROWS = 1_000;
const PAGE_GROWS = 4;

/** Correlation state that survives a restart. Texts come back well-formed: a lone surrogate is stored as U+FFFD. */
export class StateTable {
  readonly #put: StatementSync;
  readonly #drop: StatementSync;
  readonly #get: StatementSync;
  readonly #prune: StatementSync;

  constructor(db: DatabaseSync) {
    this.#put = db.prepare(
      `INSERT INTO state (kind, key, expires_ms, body) VALUES (?, ?, ?, ?)
       ON CONFLICT (kind, key) DO UPDATE SET expires_ms = excluded.expires_ms, body = excluded.body`,
    );
    this.#drop = db.prepare('DELETE FROM state WHERE kind = ? AND key = ?');
    this.#get = db.prepare('SELECT body FROM state WHERE kind = ? AND key = ?');
    this.#prune = db.prepare('DELETE FROM state WHERE expires_ms > 0 AND expires_ms <= ?');
  }

  /** Inside a transaction; later changes of one key win. */
  apply(changes: readonly StateChange[]): void {
    for (const { kind, key, body, expiresMs } of changes) {
      if (body === null) this.#drop.run(kind, key);
      else this.#put.run(kind, key, expiresMs, body);
    }
  }

  read(kind: string, keys: readonly string[]): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    for (const key of keys) {
      const row = this.#get.get(kind, key);
      if (row !== undefined) found.set(key, textIn(row, 'body'));
    }
    return found;
  }

  prune(nowMs: number): void {
    this.#prune.run(nowMs);
  }
}

/** In pages by key, so that commits may happen between them. */
export function* allStateRows(
  db: DatabaseSync,
  kind: string,
  prefix = '',
  from = prefix,
): Iterable<StateRow> {
  const page = db.prepare(
    'SELECT key, body, expires_ms FROM state WHERE kind = ? AND key >= ? ORDER BY key LIMIT ?',
  );
  let next = from < prefix ? prefix : from;
  for (let size = FIRST_PAGE_ROWS; ; size = Math.min(size * PAGE_GROWS, MOST_PAGE_ROWS)) {
    const rows = page.all(kind, next, size);
    for (const row of rows) {
      const key = textIn(row, 'key');
      if (!key.startsWith(prefix)) return;
      yield { kind, key, body: textIn(row, 'body'), expiresMs: numberIn(row, 'expires_ms') };
      next = `${key}\u0000`;
    }
    if (rows.length < size) return;
  }
}
