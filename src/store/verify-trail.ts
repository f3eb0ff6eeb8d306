import type { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../core/errors.ts';
import { checkTables } from './check-tables.ts';
import { openReaderConnection } from './connection.ts';
import { requireJournalFile } from './journal-file.ts';
import { segmentsInFolder } from './recovery/adopt-segments.ts';
import { numberIn, type Row } from './row.ts';
import { requireCurrentSchema } from './schema.ts';
import { checkRows, type RowProblem } from './segments/check-rows.ts';
import { hashFile, openSegmentFile } from './segments/segment-file.ts';
import { segmentPath } from './segments/segment-place.ts';
import { readSegments, type Segment } from './segments/segment-table.ts';
import { isCorrupt, toJournalError } from './sqlite-error.ts';

/**
 * Rows compared before the next look at where the live file begins: a worker may seal beside this. `checkRows` names a
 * thousand problems at most, so that none of a step goes unnamed.
 */
const STEP_ROWS = 1_000;

export interface VerifyOptions {
  readonly path: string;
  /** Only rows whose commits hold events of this span; absent: all. */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Told after each step how many rows were compared so far, of how many. */
  readonly onProgress?: (rows: number, ofRows: number) => void;
}

/** Something that is not as it was stored. Row problems name the row, others the table or the file. */
export interface TrailProblem {
  readonly seq?: number;
  /** Set when the same holds for all rows from `seq` to this one. */
  readonly lastSeq?: number;
  readonly table?: string;
  readonly file: string;
  readonly problem: string;
}

export interface TrailReport {
  readonly rows: number;
  readonly segments: number;
  readonly problems: readonly TrailProblem[];
  /** What to do about a live file of which something cannot be read. */
  readonly remedy?: string;
  /** Spans of rows that are not in the trail by a written record: dropped for room, or lost with a damaged journal. */
  readonly absent: readonly Segment[];
}

interface Span {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/**
 * Compares every row of the trail with the hash beside it, every segment with the hash on record, and the numbers with
 * each other: what was changed, removed or put in between afterwards is named. Beside a running worker, with bounded
 * memory.
 */
export async function verifyTrail(options: VerifyOptions): Promise<TrailReport> {
  const { path } = options;
  requireJournalFile(path);
  let db: DatabaseSync | undefined;
  try {
    db = openReaderConnection(path);
    requireCurrentSchema(db, path);
    return await new Verification(db, options).run();
  } catch (error) {
    throw toJournalError(error, path);
  } finally {
    db?.close();
  }
}

class Verification {
  readonly #db: DatabaseSync;
  readonly #options: VerifyOptions;
  readonly #problems: TrailProblem[] = [];
  readonly #absent: Segment[] = [];
  #found: readonly Segment[] | undefined;
  /** Something of the live file cannot be read. */
  #isBroken = false;
  #rows = 0;
  #ofRows = 0;
  #segments = 0;

  constructor(db: DatabaseSync, options: VerifyOptions) {
    this.#db = db;
    this.#options = options;
  }

  async run(): Promise<TrailReport> {
    await this.#checkTables();
    const lastSeq = this.#lastSeq();
    const wanted = this.#wantedSpan(lastSeq);
    this.#ofRows = wanted.lastSeq - wanted.firstSeq + 1;
    let next = wanted.firstSeq;
    while (next <= wanted.lastSeq) {
      const segment = this.#listed().find(({ lastSeq: last }) => last >= next);
      next =
        segment === undefined
          ? await this.#checkLive(next, wanted.lastSeq)
          : await this.#checkSegment(segment, next, wanted.lastSeq);
    }
    return {
      rows: this.#rows,
      segments: this.#segments,
      problems: this.#problems,
      ...(this.#isBroken && { remedy: remedyFor(this.#options.path) }),
      absent: this.#absent,
    };
  }

  async #checkTables(): Promise<void> {
    const { path } = this.#options;
    for (const { table, problem } of await checkTables(this.#db)) {
      this.#isBroken = true;
      this.#problems.push({ file: path, table, problem });
    }
  }

  /** The last row that is known of, as far as the file can tell. */
  #lastSeq(): number {
    const listed = this.#listed().map(({ lastSeq }) => lastSeq);
    const rows = this.#readable('SELECT coalesce(max(seq), 0) AS seq FROM record')?.seq ?? 0;
    const runs = this.#readable('SELECT coalesce(max(last_seq), 0) AS seq FROM stream_run')?.seq ?? 0;
    return Math.max(Number(rows), Number(runs), ...listed);
  }

  /** From the first to the last row of the commits that hold events of the span; all when the file cannot tell any more. */
  #wantedSpan(lastSeq: number): Span {
    const { fromMs, toMs } = this.#options;
    if (fromMs === undefined && toMs === undefined) return { firstSeq: 1, lastSeq };
    const row = this.#readable(
      `SELECT coalesce(min(first_seq), 1) AS first, coalesce(max(last_seq), 0) AS last FROM stream_run
         WHERE max_event_ms >= ? AND min_event_ms < ?`,
      fromMs ?? Number.MIN_SAFE_INTEGER,
      toMs ?? Number.MAX_SAFE_INTEGER,
    );
    if (row === undefined) return { firstSeq: 1, lastSeq };
    return { firstSeq: numberIn(row, 'first'), lastSeq: numberIn(row, 'last') };
  }

  /** The segments on record; where that cannot be read, as they lie in their folder. */
  #listed(): readonly Segment[] {
    try {
      return readSegments(this.#db);
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      this.#found ??= segmentsInFolder(this.#options.path, 0);
      return this.#found;
    }
  }

  /** The one row of a query, `undefined` where it lies on a page that cannot be read: that has been told. */
  #readable(sql: string, ...params: number[]): Row | undefined {
    try {
      return this.#db.prepare(sql).get(...params);
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      return undefined;
    }
  }

  /** One step of the live file. What was sealed meanwhile is not there any more: it is looked for again, in its segment. */
  async #checkLive(from: number, lastSeq: number): Promise<number> {
    const to = Math.min(lastSeq, from + STEP_ROWS - 1);
    const file = this.#options.path;
    const { rows, problems } = await this.#checked(this.#db, { firstSeq: from, lastSeq: to });
    const isSealedNow = this.#listed().some(({ lastSeq: last }) => last >= from);
    if (isSealedNow) return from;
    this.#note(rows, problems, file);
    return to + 1;
  }

  async #checkSegment(segment: Segment, from: number, lastSeq: number): Promise<number> {
    const path = segmentPath(this.#options.path, segment);
    const next = segment.lastSeq + 1;
    if (path === undefined) {
      this.#absent.push(segment);
      return next;
    }
    this.#segments += 1;
    try {
      const span = {
        firstSeq: Math.max(from, segment.firstSeq),
        lastSeq: Math.min(lastSeq, segment.lastSeq),
      };
      if (from === segment.firstSeq) await this.#checkHash(segment, path);
      const db = openSegmentFile(path);
      try {
        for (let at = span.firstSeq; at <= span.lastSeq; at += STEP_ROWS) {
          const step = { firstSeq: at, lastSeq: Math.min(span.lastSeq, at + STEP_ROWS - 1) };
          const { rows, problems } = await this.#checked(db, step);
          this.#note(rows, problems, path);
        }
      } finally {
        db.close();
      }
    } catch (error) {
      if (this.#hasMoved(segment)) return from;
      this.#problems.push({ file: path, problem: messageOf(error) });
    }
    return next;
  }

  async #checkHash({ sha256 }: Segment, path: string): Promise<void> {
    const found = await hashFile(path);
    if (found === sha256) return;
    const problem = `the file is not the one that was sealed: expected SHA-256 ${sha256}, got ${found}`;
    this.#problems.push({ file: path, problem });
  }

  /** Archived or dropped between two looks. */
  #hasMoved({ firstSeq, state, file }: Segment): boolean {
    const now = this.#listed().find((one) => one.firstSeq === firstSeq);
    return now?.state !== state || now.file !== file;
  }

  /** A page that cannot be read costs its own rows, named one by one; the rest is compared all the same. */
  async #checked(db: DatabaseSync, span: Span) {
    try {
      return await checkRows(db, span);
    } catch {
      this.#isBroken ||= db === this.#db;
      return checkOneByOne(db, span);
    }
  }

  #note(rows: number, problems: readonly RowProblem[], file: string): void {
    this.#rows += rows;
    for (const { seq, problem } of problems) this.#addRow(seq, file, problem);
    this.#options.onProgress?.(this.#rows, this.#ofRows);
  }

  /** Rows one after the other with the same problem are told as one. */
  #addRow(seq: number, file: string, problem: string): void {
    const last = this.#problems.at(-1);
    const isNext = last?.seq !== undefined && (last.lastSeq ?? last.seq) + 1 === seq;
    if (isNext && last.file === file && last.problem === problem)
      this.#problems[this.#problems.length - 1] = { ...last, lastSeq: seq };
    else this.#problems.push({ seq, file, problem });
  }
}

/** What a worker does by itself when it meets the damage; this has it done at once. */
function remedyFor(path: string): string {
  return `stop the worker, run \`echo "found by audit verify" > "${path}.damaged"\` and start it again: it moves this file aside to ${path}.corrupt-TIME, keeps what can be read of the other tables and all sealed segments, and reads the rest again from CloudWatch; a gap record names the time that it covers`;
}

async function checkOneByOne(db: DatabaseSync, { firstSeq, lastSeq }: Span) {
  const problems: RowProblem[] = [];
  let rows = 0;
  for (let seq = firstSeq; seq <= lastSeq; seq += 1) {
    try {
      const one = await checkRows(db, { firstSeq: seq, lastSeq: seq }, async () => undefined);
      rows += one.rows;
      problems.push(...one.problems);
    } catch (error) {
      problems.push({ seq, problem: `cannot be read (${messageOf(error)})` });
    }
  }
  return { rows, problems };
}
