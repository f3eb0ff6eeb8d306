import type { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { inTransaction, inUnsyncedTransaction, openWriterConnection } from '../../src/store/connection.ts';
import { TemporaryJournal } from './temporary-journal.ts';

let store: TemporaryJournal;
let db: DatabaseSync;
beforeEach(() => {
  store = new TemporaryJournal();
  db = openWriterConnection({ path: store.path, reserveBytes: 1_000_000 });
  db.exec('CREATE TABLE note (text TEXT)');
});
afterEach(() => {
  db.close();
  store.dispose();
});

/** Source: https://sqlite.org/pragma.html#pragma_synchronous */
const NORMAL = 1;
const FULL = 2;
const synchronous = () => db.prepare('PRAGMA synchronous').get()?.synchronous;
const notes = () => db.prepare('SELECT text FROM note').all().length;

function note(): unknown {
  db.prepare("INSERT INTO note VALUES ('a')").run();
  return synchronous();
}

it('what is committed has been fsynced, but for what need not be', () => {
  expect(inTransaction(db, store.path, note)).toBe(FULL);
  expect(inUnsyncedTransaction(db, store.path, note)).toBe(NORMAL);
  expect(synchronous()).toBe(FULL);
  expect(notes()).toBe(2);
});

it('a commit after one that failed without fsync is fsynced again', () => {
  const failing = () => {
    note();
    throw new Error('enough');
  };
  expect(() => inUnsyncedTransaction(db, store.path, failing)).toThrow('enough');
  expect(synchronous()).toBe(FULL);
  expect(notes()).toBe(0);
});
