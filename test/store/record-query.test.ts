import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RecordQuery } from '../../src/model/journal.ts';
import { indexWalks } from '../../src/store/record-query.ts';
import { commitRecords, nthCustomer, nthPrincipal, nthRecord, series } from './commits.ts';
import { TemporaryJournal } from './temporary-journal.ts';

let store: TemporaryJournal;
beforeAll(async () => {
  store = new TemporaryJournal();
  await commitRecords(await store.open(), series(0, 2_000));
});
afterAll(() => store.dispose());

const BASE: RecordQuery = { limit: 10, revisions: 'latest' };

describe('audit look-ups', () => {
  it.each<[string, Partial<RecordQuery>, string]>([
    ['record id', { recordId: 'x' }, 'record_by_id'],
    ['customer', { customer: ['a', 'b'] }, 'record_by_customer'],
    ['customer and time', { customer: ['a'], fromMs: 1, toMs: 2 }, 'record_by_customer'],
    ['principal', { principal: ['a'] }, 'record_by_principal'],
    ['API, decision and time', { decision: 'deny', fromMs: 1 }, 'record_by_facet'],
    ['time alone', { fromMs: 1, toMs: 2 }, 'record_by_facet'],
  ])('by %s walk their index in order of time', (_what, query, index) => {
    const db = new DatabaseSync(store.path, { readOnly: true });
    for (const { sql, params } of indexWalks({ ...BASE, ...query }, [1, 2])) {
      const plan = db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(...params)
        .map((row) => String(row.detail));
      expect(plan[0]).toMatch(new RegExp(`^SEARCH record USING (COVERING )?INDEX ${index} `));
      if (index !== 'record_by_id') expect(plan).not.toContain('USE TEMP B-TREE FOR ORDER BY');
    }
    db.close();
  });

  it('find the same rows as reading everything', async () => {
    const journal = await store.takeOver();
    const all = (await journal.readStream('records', 0, 10_000)).map((entry) => entry.record);
    const expected = all.filter((record) => record.kind === 'request' && record.customer === nthCustomer(7));
    const found = await journal.query({ ...BASE, customer: [nthCustomer(7)], limit: 100 });
    expect(found.map((entry) => entry.recordId)).toEqual(expected.map((record) => record.recordId).reverse());
    expect(found).toHaveLength(4);
    const byPrincipal = await journal.query({ ...BASE, principal: [nthPrincipal(1_234)] });
    expect(byPrincipal.map((entry) => entry.recordId)).toEqual([nthRecord(1_234).recordId]);
    const byEvent = await journal.query({ ...BASE, eventId: nthRecord(1_999).eventId });
    expect(byEvent.map((entry) => entry.seq)).toEqual([2_000]);
  });
});
