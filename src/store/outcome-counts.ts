import type { DatabaseSync } from 'node:sqlite';
import type { OutcomeCount } from '../model/journal.ts';
import { numberIn, type Row, textIn } from './row.ts';

/** Longest span of event time that one statement counts: a long statement keeps the log from being checkpointed. */
const SLICE_MS = 3_600_000;

/**
 * Newest revisions of the records of a span, counted by API, stage and outcome. An invocation that was taken over by its
 * request is told there.
 */
export function countOutcomes(db: DatabaseSync, fromMs: number, toMs: number): readonly OutcomeCount[] {
  const count = db.prepare(
    `SELECT count(*) AS records FROM record AS own
     WHERE facet = ? AND event_ms >= ? AND event_ms < ?
       AND NOT EXISTS (SELECT 1 FROM record AS newer WHERE newer.record_hash = own.record_hash
                         AND newer.slot > own.slot AND newer.record_id = own.record_id)
       AND (revision = 0 OR json_extract(body, '$.supersededBy') IS NULL)`,
  );
  const first = firstEventMs(db);
  const facets = db
    .prepare("SELECT * FROM facet WHERE stream = 'records' ORDER BY api_name, stage, api_id, outcome, kind")
    .all();
  const counts = new Map<string, OutcomeCount>();
  for (const facet of facets) {
    const id = numberIn(facet, 'id');
    let records = 0;
    for (let at = Math.max(fromMs, first); at < toMs; at += SLICE_MS) {
      records += numberIn(count.get(id, at, Math.min(at + SLICE_MS, toMs)) ?? {}, 'records');
    }
    if (records > 0) addTo(counts, facet, records);
  }
  return [...counts.values()];
}

/** Facets tell decisions apart, outcomes do not. */
function addTo(counts: Map<string, OutcomeCount>, facet: Row, records: number): void {
  const outcome = textIn(facet, 'kind') === 'unparsed' ? 'unparsed' : textIn(facet, 'outcome');
  const [apiId, apiName, stage] = [
    textIn(facet, 'api_id'),
    textIn(facet, 'api_name'),
    textIn(facet, 'stage'),
  ];
  const key = [apiId, apiName, stage, outcome].join('\n');
  const before = counts.get(key)?.records ?? 0;
  counts.set(key, { apiId, apiName, stage, outcome, records: before + records });
}

/** So that a span from the beginning of time is not counted hour by hour. */
function firstEventMs(db: DatabaseSync): number {
  const row = db.prepare('SELECT coalesce(min(min_event_ms), 0) AS first FROM stream_run').get();
  return numberIn(row ?? {}, 'first');
}
