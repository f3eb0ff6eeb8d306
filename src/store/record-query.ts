import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { JournalEntry, RecordQuery } from '../model/journal.ts';
import { findByEventId } from './event-chunks.ts';
import { matchingFacets } from './facet-table.ts';
import { mergeNewestFirst, type Position } from './merge-newest-first.ts';
import { numberIn } from './row.ts';
import { textHash } from './text-hash.ts';

/** One ordered walk over one index: yields `seq, event_ms`, newest event first. */
export interface IndexWalk {
  readonly sql: string;
  readonly params: readonly SQLInputValue[];
}

/** The walks whose merged result holds every row that can match. Exported for the test of their query plans. */
export function indexWalks(query: RecordQuery, facets: readonly number[]): readonly IndexWalk[] {
  const time = timeCondition(query);
  const facetList = `facet IN (${facets.join(', ')})`;
  const order = 'ORDER BY event_ms DESC, seq DESC';
  const walk = (index: string, column: string, key: number): IndexWalk => ({
    sql: `SELECT seq, event_ms FROM record INDEXED BY ${index} WHERE ${column} = ?${time.sql} AND ${facetList} ${order}`,
    params: [key, ...time.params],
  });
  if (query.recordId !== undefined) return [walk('record_by_id', 'record_hash', textHash(query.recordId))];
  if (query.principal !== undefined)
    return query.principal.map((text) => walk('record_by_principal', 'principal_hash', textHash(text)));
  if (query.customer !== undefined)
    return query.customer.map((text) => walk('record_by_customer', 'customer_hash', textHash(text)));
  return facets.map((facet) => ({
    sql: `SELECT seq, event_ms FROM record INDEXED BY record_by_facet WHERE facet = ?${time.sql} ${order}`,
    params: [facet, ...time.params],
  }));
}

/**
 * Rows that may match, newest event first, found over one index: record id, event id, principal, customer, or else API,
 * stage, decision and outcome with time, whichever the query names first in this order. Indexes hold hashes, so every hit
 * is still to be compared in full text (`matches`).
 */
export function* candidatesOf(db: DatabaseSync, query: RecordQuery): Generator<Position> {
  const facets = matchingFacets(db, query);
  if (facets.length === 0) return;
  if (query.recordId === undefined && query.eventId !== undefined) {
    yield* newestFirst(db, findByEventId(db, query.eventId), facets);
    return;
  }
  const walks = indexWalks(query, facets).map(({ sql, params }) => rowsOf(db, sql, params));
  yield* mergeNewestFirst(walks);
}

function newestFirst(
  db: DatabaseSync,
  seqs: readonly number[],
  facets: readonly number[],
): readonly Position[] {
  if (seqs.length === 0) return [];
  const sql = `SELECT seq, event_ms FROM record WHERE seq IN (${seqs.join(', ')}) AND facet IN (${facets.join(', ')})
    ORDER BY event_ms DESC, seq DESC`;
  return [...rowsOf(db, sql, [])];
}

function* rowsOf(db: DatabaseSync, sql: string, params: readonly SQLInputValue[]): Iterable<Position> {
  for (const row of db.prepare(sql).iterate(...params)) {
    yield { seq: numberIn(row, 'seq'), eventMs: numberIn(row, 'event_ms') };
  }
}

function timeCondition(query: RecordQuery): { readonly sql: string; readonly params: readonly number[] } {
  const from = query.fromMs === undefined ? [] : [query.fromMs];
  const to = query.toMs === undefined ? [] : [query.toMs];
  const sql = `${from.length > 0 ? ' AND event_ms >= ?' : ''}${to.length > 0 ? ' AND event_ms < ?' : ''}`;
  return { sql, params: [...from, ...to] };
}

/** Whether a row is what the query names, by its full text. */
export function matches(entry: JournalEntry, query: RecordQuery): boolean {
  if (query.recordId !== undefined && entry.recordId !== query.recordId) return false;
  if (query.eventId !== undefined && entry.eventId !== query.eventId) return false;
  if (query.fromMs !== undefined && entry.eventMs < query.fromMs) return false;
  if (query.toMs !== undefined && entry.eventMs >= query.toMs) return false;
  return namesOneOf(entry, 'customer', query.customer) && namesOneOf(entry, 'principal', query.principal);
}

function namesOneOf(
  entry: JournalEntry,
  field: 'customer' | 'principal',
  wanted: readonly string[] | undefined,
) {
  if (wanted === undefined) return true;
  const name = entry.record.kind === 'request' ? entry.record[field] : undefined;
  return name !== undefined && wanted.includes(name);
}
