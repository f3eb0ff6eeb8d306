import type { DatabaseSync } from 'node:sqlite';
import { UserError } from '../core/errors.ts';
import { numberIn } from './row.ts';

/** Marks a SQLite file as a Gatewatch journal ("GWJ1"), so that a foreign database is refused and never touched. */
const APPLICATION_ID = 0x47574a31;

/**
 * Version 1. What is looked up by text carries an integer hash of it instead of an index over the text.
 *
 * - `record`: the trail, rows only ever added. `slot` counts rows of one `record_hash`, so that one insert finds a
 *   repeat by conflict instead of by a look-up beforehand.
 * - `facet`: the few combinations of stream, API, stage, decision and outcome that occur.
 * - `stream_run`: which `seq` belong to which stream, one row per commit: readers jump over the other streams.
 * - `seen_chunk`: source event keys, packed per commit and span of event time.
 * - `undelivered`: rows a lane gave up or left out, packed per acknowledgement.
 */
const VERSION_1 = `
CREATE TABLE writer (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL, owner TEXT NOT NULL, since_ms INTEGER NOT NULL, renewed_ms INTEGER NOT NULL,
  lease_ms INTEGER NOT NULL, released INTEGER NOT NULL
) STRICT;
INSERT INTO writer VALUES (1, 0, '', 0, 0, 0, 1);

CREATE TABLE facet (
  id INTEGER PRIMARY KEY,
  stream TEXT NOT NULL, kind TEXT NOT NULL, api_id TEXT NOT NULL, api_name TEXT NOT NULL, stage TEXT NOT NULL,
  decision TEXT NOT NULL, outcome TEXT NOT NULL,
  UNIQUE (stream, kind, api_id, api_name, stage, decision, outcome)
) STRICT;

CREATE TABLE record (
  seq INTEGER PRIMARY KEY,
  facet INTEGER NOT NULL,
  event_ms INTEGER NOT NULL,
  record_hash INTEGER NOT NULL,
  slot INTEGER NOT NULL,
  customer_hash INTEGER,
  principal_hash INTEGER,
  revision INTEGER NOT NULL,
  record_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  sha256 BLOB NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX record_by_id ON record (record_hash, slot);
CREATE INDEX record_by_customer ON record (customer_hash, event_ms, facet) WHERE customer_hash IS NOT NULL;
CREATE INDEX record_by_principal ON record (principal_hash, event_ms, facet) WHERE principal_hash IS NOT NULL;
CREATE INDEX record_by_facet ON record (facet, event_ms);

CREATE TABLE stream_run (
  stream TEXT NOT NULL, last_seq INTEGER NOT NULL, first_seq INTEGER NOT NULL,
  min_event_ms INTEGER NOT NULL, max_event_ms INTEGER NOT NULL,
  PRIMARY KEY (stream, last_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE event_chunk (first_seq INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT;

CREATE TABLE seen_chunk (
  id INTEGER PRIMARY KEY, bucket INTEGER NOT NULL, unit TEXT NOT NULL, keys TEXT NOT NULL
) STRICT;
CREATE INDEX seen_chunk_by_bucket ON seen_chunk (bucket, unit);

CREATE TABLE state (
  kind TEXT NOT NULL, key TEXT NOT NULL, expires_ms INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoint (
  unit TEXT PRIMARY KEY, read_through_ms INTEGER NOT NULL, version INTEGER NOT NULL, rereads TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger (
  id INTEGER PRIMARY KEY, unit TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
  read INTEGER NOT NULL, seen INTEGER NOT NULL, stored INTEGER NOT NULL, quarantined INTEGER NOT NULL,
  filtered INTEGER NOT NULL, unparsed INTEGER NOT NULL
) STRICT;
CREATE INDEX ledger_by_end ON ledger (to_ms, from_ms);

CREATE TABLE gap (
  unit TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, reason TEXT NOT NULL,
  recorded_ms INTEGER NOT NULL,
  PRIMARY KEY (unit, from_ms, to_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE lane (
  name TEXT PRIMARY KEY, sink TEXT NOT NULL, stream TEXT NOT NULL, class TEXT NOT NULL,
  cursor INTEGER NOT NULL DEFAULT 0, through_ms INTEGER NOT NULL DEFAULT 0,
  accepted INTEGER NOT NULL DEFAULT 0, rejected INTEGER NOT NULL DEFAULT 0,
  rejected_unknown INTEGER NOT NULL DEFAULT 0, expired INTEGER NOT NULL DEFAULT 0,
  filtered INTEGER NOT NULL DEFAULT 0, held_reason TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letter (
  lane TEXT NOT NULL, seq INTEGER NOT NULL, record_id TEXT NOT NULL, event_id TEXT NOT NULL,
  reason TEXT NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (lane, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE undelivered (
  id INTEGER PRIMARY KEY, lane TEXT NOT NULL, last_seq INTEGER NOT NULL, first_seq INTEGER NOT NULL,
  status TEXT NOT NULL, reason TEXT NOT NULL, seqs TEXT NOT NULL
) STRICT;
CREATE INDEX undelivered_by_seq ON undelivered (lane, last_seq, first_seq);
`;

/** Version 2. `orders`: work asked for by commands beside the worker; `progress` is a JSON object of unit → milliseconds. */
const VERSION_2 = `
CREATE TABLE orders (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, unit TEXT,
  calls_per_second REAL, asked TEXT NOT NULL, created_ms INTEGER NOT NULL, state TEXT NOT NULL, progress TEXT NOT NULL,
  message TEXT
) STRICT, WITHOUT ROWID;
`;

/**
 * Version 3. `stream_run.origin`: whose lanes the rows travel in, `live` or `backfill`. Orders of other kinds than
 * `backfill` keep what is theirs as JSON in `detail`. A dead letter stays when a retry delivers it or a person drops it.
 */
const VERSION_3 = `
ALTER TABLE stream_run ADD COLUMN origin TEXT NOT NULL DEFAULT 'live';
CREATE INDEX stream_run_by_origin ON stream_run (stream, origin, last_seq);
ALTER TABLE orders ADD COLUMN placed_by TEXT;
ALTER TABLE orders ADD COLUMN detail TEXT;
ALTER TABLE dead_letter ADD COLUMN status TEXT NOT NULL DEFAULT 'refused';
ALTER TABLE dead_letter ADD COLUMN attempts INTEGER NOT NULL DEFAULT 1;
ALTER TABLE dead_letter ADD COLUMN ended_ms INTEGER;
ALTER TABLE dead_letter ADD COLUMN ended_order TEXT;
ALTER TABLE dead_letter ADD COLUMN ended_note TEXT;
`;

/**
 * Version 4. `segment`: what became of old rows, one unbroken span of `seq` each. `sealed` and `archived` ones lie in files
 * of their own, `dropped` ones were given up for room and `lost` ones in a damaged journal, both with a gap record.
 * `usage_mark`: how far the trail had come at a time. `damage`: rows whose content does not match its hash, as `scrub` or
 * `audit verify` found them; `scrub` also keeps how far the last comparison has come.
 */
const VERSION_4 = `
ALTER TABLE stream_run ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
CREATE TABLE segment (
  first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, state TEXT NOT NULL, file TEXT NOT NULL,
  sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, row_count INTEGER NOT NULL,
  min_event_ms INTEGER NOT NULL, max_event_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE usage_mark (at_ms INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, written_bytes INTEGER NOT NULL) STRICT;
CREATE TABLE damage (seq INTEGER PRIMARY KEY, problem TEXT NOT NULL, found_ms INTEGER NOT NULL) STRICT;
CREATE TABLE scrub (
  id INTEGER PRIMARY KEY CHECK (id = 1), started_ms INTEGER NOT NULL, next_seq INTEGER NOT NULL, finished_ms INTEGER
) STRICT;
`;

/** Version 5. `seen_chunk.hashes`: the keys of a chunk, twelve bytes for each, in place of the JSON that was in `keys`. */
const VERSION_5 = `
ALTER TABLE seen_chunk ADD COLUMN hashes BLOB;
`;

/** Each entry brings a file from the version of its index to the next. Only ever appended to. */
export const MIGRATIONS: readonly string[] = [VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Brings the file to the current version in one transaction; refuses foreign and newer files untouched. */
export function migrate(db: DatabaseSync, path: string): void {
  const version = checkedVersion(db, path);
  if (version === SCHEMA_VERSION) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const step of MIGRATIONS.slice(checkedVersion(db, path))) db.exec(step);
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** For a reader, which cannot migrate: the file must have exactly the current version. */
export function requireCurrentSchema(db: DatabaseSync, path: string): void {
  const version = checkedVersion(db, path);
  if (version === SCHEMA_VERSION) return;
  throw new UserError(
    'journal_not_migrated',
    `Expected the journal ${path} in version ${SCHEMA_VERSION}, got ${version}: start the worker once to bring it up to date.`,
  );
}

function checkedVersion(db: DatabaseSync, path: string): number {
  const version = pragma(db, 'user_version');
  const empty = db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
  if (!empty && pragma(db, 'application_id') !== APPLICATION_ID) {
    throw new UserError(
      'not_a_journal',
      `Expected ${path} to be a Gatewatch journal, got another application's SQLite database: set journal.path to a file of its own.`,
    );
  }
  if (version > SCHEMA_VERSION) {
    throw new UserError(
      'journal_newer',
      `The journal ${path} has version ${version}, this release knows up to ${SCHEMA_VERSION}: run the newer release, or set another journal.path.`,
    );
  }
  return version;
}

function pragma(db: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return numberIn(db.prepare(`PRAGMA ${name}`).get() ?? {}, name);
}
