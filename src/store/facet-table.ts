import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { JournalRecord, RecordQuery } from '../model/journal.ts';
import { streamOf } from './journal-entry.ts';
import { numberIn } from './row.ts';

/** What of a record repeats: written once, then named by a small number in each row and index. */
interface Facet {
  readonly stream: string;
  readonly kind: string;
  readonly apiId: string;
  readonly apiName: string;
  readonly stage: string;
  readonly decision: string;
  readonly outcome: string;
}

/** Gives each combination its number, adding it when new. Ids handed out by a transaction that failed are forgotten. */
export class FacetWriter {
  readonly #insert: StatementSync;
  readonly #select: StatementSync;
  readonly #ids = new Map<string, number>();

  constructor(db: DatabaseSync) {
    const columns = 'stream, kind, api_id, api_name, stage, decision, outcome';
    this.#insert = db.prepare(
      `INSERT INTO facet (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    );
    this.#select = db.prepare(`SELECT id FROM facet WHERE (${columns}) = (?, ?, ?, ?, ?, ?, ?)`);
  }

  idOf(record: JournalRecord): number {
    const key = facetKey(record);
    return this.#ids.get(key) ?? this.#add(key, record);
  }

  forget(): void {
    this.#ids.clear();
  }

  #add(key: string, record: JournalRecord): number {
    const { stream, kind, apiId, apiName, stage, decision, outcome } = facetOf(record);
    this.#insert.run(stream, kind, apiId, apiName, stage, decision, outcome);
    const id = numberIn(this.#select.get(stream, kind, apiId, apiName, stage, decision, outcome) ?? {}, 'id');
    this.#ids.set(key, id);
    return id;
  }
}

/** Ids of the facets that satisfy what a query says about stream, API (id or name), stage, decision and outcome. */
export function matchingFacets(db: DatabaseSync, query: RecordQuery): readonly number[] {
  const wanted = [
    query.stream === undefined ? undefined : (['stream = ?', query.stream] as const),
    query.api === undefined ? undefined : (['? IN (api_id, api_name)', query.api] as const),
    query.stage === undefined ? undefined : (['stage = ?', query.stage] as const),
    query.decision === undefined ? undefined : (['decision = ?', query.decision] as const),
    query.outcome === undefined ? undefined : (['outcome = ?', query.outcome] as const),
  ].filter((condition) => condition !== undefined);
  const where = ['true', ...wanted.map(([sql]) => sql)].join(' AND ');
  const rows = db
    .prepare(`SELECT id FROM facet WHERE ${where} ORDER BY id`)
    .all(...wanted.map(([, value]) => value));
  return rows.map((row) => numberIn(row, 'id'));
}

function facetKey(record: JournalRecord): string {
  if (record.kind !== 'request')
    return `${record.kind}\n${'apiId' in record ? record.apiId : ''}\n${'stage' in record ? record.stage : ''}\n${'apiName' in record ? record.apiName : ''}`;
  return `${record.decision}\n${record.outcome}\n${record.apiId}\n${record.stage}\n${record.apiName}`;
}

function facetOf(record: JournalRecord): Facet {
  const stream = streamOf(record);
  const none = { stream, kind: record.kind, apiId: '', apiName: '', stage: '', decision: '', outcome: '' };
  if (record.kind === 'unparsed') return none;
  const place = { apiId: record.apiId ?? '', apiName: record.apiName ?? '', stage: record.stage ?? '' };
  if (record.kind !== 'request') return { ...none, ...place };
  return { ...none, ...place, decision: record.decision, outcome: record.outcome };
}
