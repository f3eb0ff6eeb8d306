import { hash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../src/model/journal.ts';
import { parseRecord, RecordCanonicalizer } from '../../src/store/canonical-json.ts';
import { requestRecord } from '../contract/journal-records.ts';
import { commitRecords, nthRecord } from './commits.ts';
import { TemporaryJournal } from './temporary-journal.ts';

const anyRecord = fc
  .record(
    {
      userAgent: fc.string({ unit: 'binary' }),
      path: fc.string({ unit: 'grapheme' }),
      status: fc.integer({ min: 100, max: 599 }),
      principal: fc.string(),
      other: fc.dictionary(fc.string(), fc.string()),
      authorizerLog: fc.array(fc.string()),
    },
    { requiredKeys: [] },
  )
  .map((fields): JournalRecord => requestRecord({ ...fields, parts: nthRecord(1).parts }));

/** The same content, its keys and those of its maps built in another order. */
function inOtherOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOtherOrder);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, item]) => [key, inOtherOrder(item)]));
}

describe('canonical text', () => {
  it('is the same for equal content in any order, and reads back as that content', () => {
    const canonicalizer = new RecordCanonicalizer();
    fc.assert(
      fc.property(anyRecord, (record) => {
        const { body } = canonicalizer.write(record, 0);
        const shuffled = parseRecord(JSON.stringify(inOtherOrder(record)));
        expect(canonicalizer.write(shuffled, 0).body).toBe(body);
        expect(parseRecord(body)).toEqual(JSON.parse(JSON.stringify(record)));
      }),
    );
  });

  it('is well-formed UTF-16, so that stored bytes and hashed bytes agree', () => {
    const { body } = new RecordCanonicalizer().write(requestRecord({ userAgent: '\udc00 \ud800' }), 0);
    expect(body.isWellFormed()).toBe(true);
    expect(body).toContain(String.raw`"\udc00 \ud800"`);
  });

  it('keeps a key __proto__ from outside as data', () => {
    const other = JSON.parse('{"zebra":"1","__proto__":"2"}');
    const { body } = new RecordCanonicalizer().write(requestRecord({ other }), 0);
    expect(body).toContain('"other":{"__proto__":"2","zebra":"1"}');
  });

  it('does not copy a record that is built in canonical order', () => {
    const record = nthRecord(1);
    expect(new RecordCanonicalizer().write(record, 0).record).toBe(record);
  });

  it('stays right when more shapes of records come than are remembered', () => {
    const canonicalizer = new RecordCanonicalizer();
    const shapes = Array.from({ length: 200 }, (_, n) => ({
      ...nthRecord(n),
      account: 'last',
      [`extra${n}`]: n,
    }));
    for (const record of [...shapes, ...shapes].map((shape) =>
      parseRecord(JSON.stringify(inOtherOrder(shape))),
    )) {
      const keys = Object.keys(JSON.parse(canonicalizer.write(record, 0).body));
      expect(keys.slice(0, 5)).toEqual(['kind', 'recordId', 'eventId', 'revision', 'account']);
      expect(keys.at(-1)).toMatch(/^extra/);
    }
  });

  it('stands in the file beside its SHA-256', async () => {
    const store = new TemporaryJournal();
    await commitRecords(await store.open(), [nthRecord(1), requestRecord({ userAgent: 'ü \ud800' })]);
    const db = new DatabaseSync(store.path, { readOnly: true });
    for (const row of db
      .prepare('SELECT CAST(body AS BLOB) AS bytes, lower(hex(sha256)) AS sha256 FROM record')
      .all()) {
      expect(row.bytes instanceof Uint8Array && hash('sha256', row.bytes, 'hex')).toBe(row.sha256);
    }
    db.close();
    await store.dispose();
  });
});
