import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyTrail } from '../../src/store/verify-trail.ts';
import { recordsOnly, UNIT } from './commits.ts';
import { dayRecord, FIRST_DAY, SealingRig } from './sealing-rig.ts';

const PAGE_BYTES = 8_192;

let rig: SealingRig;
beforeEach(async () => {
  rig = new SealingRig();
  await rig.open();
});
afterEach(() => rig.store.dispose());

/** Overwrites one page, counted from 1. */
function damagePage(page: number): void {
  const bytes = readFileSync(rig.store.path);
  bytes.fill(0xa5, (page - 1) * PAGE_BYTES, page * PAGE_BYTES);
  writeFileSync(rig.store.path, bytes);
}

/** Where each table and index begins. */
function roots(): readonly { readonly name: string; readonly table: string; readonly page: number }[] {
  const db = new DatabaseSync(rig.store.path, { readOnly: true });
  const rows = db.prepare('SELECT name, tbl_name, rootpage FROM sqlite_schema WHERE rootpage > 0').all();
  db.close();
  return rows.map(({ name, tbl_name, rootpage }) => ({
    name: String(name),
    table: String(tbl_name),
    page: Number(rootpage),
  }));
}

function rootOf(name: string): number {
  const found = roots().find((root) => root.name === name);
  if (found === undefined) throw new Error(`Expected a table or index ${name}`);
  return found.page;
}

async function problems(): Promise<readonly string[]> {
  const report = await verifyTrail({ path: rig.store.path });
  expect(report.remedy !== undefined).toBe(report.problems.length > 0);
  return report.problems.map(({ table, seq, problem }) => `${table ?? seq}: ${problem}`);
}

describe('verifying a journal with a damaged page', () => {
  it('names the table or index, whichever it is, and compares all rows that can be read', async () => {
    await rig.days(0, 4, 40);
    await rig.seal();
    await rig.journal.close();
    const whole = `${rig.store.path}.whole`;
    copyFileSync(rig.store.path, whole);
    const all = roots();
    expect(all.length).toBeGreaterThan(25);
    for (const { name, table, page } of all) {
      copyFileSync(whole, rig.store.path);
      damagePage(page);
      const report = await verifyTrail({ path: rig.store.path });
      const named = report.problems.map((one) => `${one.table} ${one.problem} ${one.seq} ${one.lastSeq}`);
      const what =
        name === 'record' ? / 41 160$/ : new RegExp(`^${table} its (rows|index ${name}) .*cannot be read`);
      expect(named, name).toContainEqual(expect.stringMatching(what));
      expect(report, name).toMatchObject({ rows: name === 'record' ? 40 : 160, segments: 1 });
      expect(report.remedy, name).toContain(`${rig.store.path}.damaged`);
    }
  });

  it('names the rows next to the page, so that it is known which are on it', async () => {
    const gaps = Array.from({ length: 2_000 }, (_, n) => ({
      unit: `logs:unit ${String(n).padStart(5, '0')}`,
      ...{ fromMs: FIRST_DAY + n, toMs: FIRST_DAY + n + 1, reason: 'deleted', recordedMs: 0 },
    }));
    await rig.journal.commitWindow({ ...recordsOnly(rig.journal.epoch, []), gaps });
    await rig.journal.close();
    const bytes = readFileSync(rig.store.path);
    const page = 1 + Math.floor(bytes.indexOf('logs:unit 01000') / PAGE_BYTES);
    const at = (page - 1) * PAGE_BYTES;
    const onPage = bytes.subarray(at, at + PAGE_BYTES).toString('latin1');
    const first = Math.min(...[...onPage.matchAll(/logs:unit (\d{5})/g)].map(([, n]) => Number(n)));
    // The header counts the rows: behind them lies what was on the page before it was split.
    const rows = bytes.readUInt16BE(at + 3);
    const near = (n: number) => `unit ${gaps[n]?.unit}, from_ms ${gaps[n]?.fromMs}, to_ms ${gaps[n]?.toMs}`;
    damagePage(page);
    expect(await problems()).toEqual([
      expect.stringContaining(
        `gap: its rows after ${near(first - 1)} and before ${near(first + rows)} cannot be read`,
      ),
    ]);
  });

  it('tells which rows of the trail cannot be found by what a damaged or missing facet says of them', async () => {
    const denied = { ...dayRecord(0, 50), decision: 'deny' as const };
    await rig.days(0, 1, 40);
    await rig.journal.commitWindow({ ...recordsOnly(rig.journal.epoch, [denied]), unit: UNIT });
    await rig.journal.close();
    const db = new DatabaseSync(rig.store.path);
    db.prepare("DELETE FROM facet WHERE decision = 'deny'").run();
    db.close();
    expect(await problems()).toEqual([
      expect.stringMatching(
        /^facet: its entry \d+ is missing: 1 rows of the trail, from row 41 to 41, are not/,
      ),
    ]);
    damagePage(rootOf('facet'));
    expect(await problems()).toEqual([
      expect.stringMatching(/^facet: its rows \(all of them\) cannot be read/),
      expect.stringMatching(
        /^facet: its entry 1 cannot be read: 6 rows of the trail, from row 1 to 36, are not/,
      ),
      expect.stringMatching(
        /^facet: its entry 2 cannot be read: 34 rows of the trail, from row 2 to 40, are not/,
      ),
      expect.stringMatching(
        /^facet: its entry 3 cannot be read: 1 rows of the trail, from row 41 to 41, are not/,
      ),
    ]);
  });

  it('gives advice that helps: with the file beside it, the next start makes the journal whole', async () => {
    await rig.days(0, 4, 40);
    await rig.seal();
    await rig.journal.close();
    damagePage(rootOf('orders'));
    const { remedy } = await verifyTrail({ path: rig.store.path });
    const [, text, file] = /echo "(.*)" > "(.*)"/.exec(remedy ?? '') ?? [];
    writeFileSync(file ?? '', `${text}\n`);
    await rig.open();
    expect((await rig.journal.gaps()).map(({ reason }) => reason)).toEqual([
      expect.stringContaining('found by audit verify'),
    ]);
    await rig.journal.close();
    expect(await problems()).toEqual([]);
  });
});
