import type { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../core/errors.ts';
import { optionalNumberIn, type Row, textIn } from './row.ts';
import { isCorrupt } from './sqlite-error.ts';

/** Rows or entries per statement: a long one would keep the log from being checkpointed. */
const STEP = 1_000;

export interface TableProblem {
  readonly table: string;
  readonly problem: string;
}

/** A table, or one of its indexes, in the order of its key. */
interface Sequence {
  readonly table: string;
  /** Absent: the table itself. */
  readonly index?: string;
  readonly key: readonly string[];
}

/**
 * Reads every page of every table and index. Rows of `record` are left to those who compare them with their hashes; of
 * its indexes it tells those that cannot be read, and of `facet` the rows that lack theirs.
 */
export async function checkTables(db: DatabaseSync): Promise<readonly TableProblem[]> {
  const problems: TableProblem[] = [];
  for (const table of tablesOf(db)) {
    const own = keyOf(db, table);
    if (table !== 'record') problems.push(...(await checkSequence(db, { table, key: own })));
    for (const index of indexesOf(db, table)) {
      const columns = columnsOfIndex(db, index);
      const key = [...new Set([...columns, ...own])];
      problems.push(...(await checkSequence(db, { table, index, key })));
    }
  }
  return [...problems, ...rowsWithoutFacet(db)];
}

async function checkSequence(db: DatabaseSync, sequence: Sequence): Promise<readonly TableProblem[]> {
  const forward = await walk(db, sequence, 'ASC');
  if (forward.failure === undefined) return [];
  const { table, index } = sequence;
  const backward = await walk(db, sequence, 'DESC');
  const where = spanText(forward.lastKey, backward.lastKey, sequence.key);
  const problem =
    index === undefined
      ? `its rows ${where} cannot be read (${forward.failure})`
      : `its index ${index} cannot be read ${where} (${forward.failure}); queries that go by it fail, the rows are not affected`;
  return [{ table, problem }];
}

interface Walked {
  /** Of the last row that could be read. */
  readonly lastKey: Row | undefined;
  readonly failure: string | undefined;
}

/** Reads on as far as the damage lets it, at the end row by row. */
async function walk(db: DatabaseSync, sequence: Sequence, order: 'ASC' | 'DESC'): Promise<Walked> {
  let lastKey: Row | undefined;
  for (let step = STEP; ; ) {
    try {
      const next = stepAfter(db, sequence, order, lastKey, step);
      if (next === undefined) return { lastKey, failure: undefined };
      lastKey = next;
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      if (step === 1) return { lastKey, failure: messageOf(error) };
      step = 1;
    }
    await setImmediate();
  }
}

/** Reads a number of rows and returns the last of them; `undefined` when there are fewer. */
function stepAfter(
  db: DatabaseSync,
  { table, index, key }: Sequence,
  order: 'ASC' | 'DESC',
  after: Row | undefined,
  rows: number,
): Row | undefined {
  const columns = key.join(', ');
  // A partial index serves only who asks for what it holds.
  const held = `${key[0]} IS NOT NULL`;
  const marks = key.map(() => '?').join(', ');
  const beyond = after === undefined ? '' : ` AND (${columns}) ${order === 'ASC' ? '>' : '<'} (${marks})`;
  const sorted = key.map((column) => `${column} ${order}`).join(', ');
  const rest = `WHERE ${held}${beyond} ORDER BY ${sorted}`;
  const values = after === undefined ? [] : key.map((column) => after[column] ?? null);
  if (index !== undefined) {
    const entry = `SELECT ${columns} FROM ${table} INDEXED BY ${index} ${rest} LIMIT 1 OFFSET ?`;
    return db.prepare(entry).get(...values, rows - 1);
  }
  return db.prepare(`SELECT * FROM ${table} ${rest} LIMIT ?`).all(...values, rows)[rows - 1];
}

/** Where the damage lies, by the rows next to it. */
function spanText(before: Row | undefined, after: Row | undefined, key: readonly string[]): string {
  const named = (row: Row) => key.map((column) => `${column} ${String(row[column])}`).join(', ');
  const sides = [
    ...(before === undefined ? [] : [`after ${named(before)}`]),
    ...(after === undefined ? [] : [`before ${named(after)}`]),
  ];
  return sides.length === 0 ? '(all of them)' : sides.join(' and ');
}

/** Rows whose API, stage and outcome cannot be looked up, by the entry of `facet` that they name. */
function rowsWithoutFacet(db: DatabaseSync): readonly TableProblem[] {
  const next = db.prepare('SELECT min(facet) AS id FROM record WHERE facet > ?');
  const rowsOf = db.prepare(
    'SELECT count(*) AS n, min(seq) AS first, max(seq) AS last FROM record WHERE facet = ?',
  );
  const problems: TableProblem[] = [];
  try {
    for (let id = nextId(next.get(-1)); id !== undefined; id = nextId(next.get(id))) {
      const fault = facetFault(db, id);
      if (fault === undefined) continue;
      const { n, first, last } = rowsOf.get(id) ?? {};
      const problem = `its entry ${id} ${fault}: ${n} rows of the trail, from row ${first} to ${last}, are not found by API, stage, decision or outcome; what they say is whole`;
      problems.push({ table: 'facet', problem });
    }
  } catch (error) {
    // The index that leads there is broken, and has been named.
    if (!isCorrupt(error)) throw error;
  }
  return problems;
}

function nextId(row: Row | undefined): number | undefined {
  return optionalNumberIn(row ?? { id: null }, 'id');
}

function facetFault(db: DatabaseSync, id: number): string | undefined {
  try {
    return db.prepare('SELECT 1 FROM facet WHERE id = ?').get(id) === undefined ? 'is missing' : undefined;
  } catch (error) {
    if (isCorrupt(error)) return 'cannot be read';
    throw error;
  }
}

function tablesOf(db: DatabaseSync): readonly string[] {
  const rows = db.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
  );
  return rows.all().map((row) => textIn(row, 'name'));
}

/** Of a table without row ids the primary key is the table. */
function indexesOf(db: DatabaseSync, table: string): readonly string[] {
  const rows = db
    .prepare("SELECT name FROM pragma_index_list(?) WHERE origin <> 'pk' ORDER BY name")
    .all(table);
  return rows.map((row) => textIn(row, 'name'));
}

function keyOf(db: DatabaseSync, table: string): readonly string[] {
  const rows = db.prepare('SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk').all(table);
  return rows.map((row) => textIn(row, 'name'));
}

function columnsOfIndex(db: DatabaseSync, index: string): readonly string[] {
  const rows = db.prepare('SELECT name FROM pragma_index_info(?) ORDER BY seqno').all(index);
  return rows.map((row) => textIn(row, 'name'));
}
