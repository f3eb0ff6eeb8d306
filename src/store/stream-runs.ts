import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { JournalEntry, RowOrigin } from '../model/journal.ts';

interface Run {
  readonly stream: string;
  readonly origin: RowOrigin;
  readonly firstSeq: number;
  lastSeq: number;
  minEventMs: number;
  maxEventMs: number;
  /** Length of the bodies, in UTF-16 units: nearly all of it is ASCII. */
  bytes: number;
}

/** Notes which `seq` belong to which stream: one row for each unbroken run of one stream and origin in a commit. */
export class StreamRunWriter {
  readonly #insert: StatementSync;

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare(
      'INSERT INTO stream_run (stream, last_seq, first_seq, min_event_ms, max_event_ms, origin, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
  }

  append(entries: readonly JournalEntry[], backfilled?: ReadonlySet<string>): void {
    for (const run of runsOf(entries, backfilled)) {
      const { stream, lastSeq, firstSeq, minEventMs, maxEventMs, origin, bytes } = run;
      this.#insert.run(stream, lastSeq, firstSeq, minEventMs, maxEventMs, origin, bytes);
    }
  }
}

function runsOf(
  entries: readonly JournalEntry[],
  backfilled: ReadonlySet<string> | undefined,
): readonly Run[] {
  const runs: Run[] = [];
  let run: Run | undefined;
  for (const { stream, seq, eventMs, recordId, body } of entries) {
    const origin = backfilled?.has(recordId) ? 'backfill' : 'live';
    if (run?.stream !== stream || run.origin !== origin) {
      const bytes = body.length;
      run = { stream, origin, firstSeq: seq, lastSeq: seq, minEventMs: eventMs, maxEventMs: eventMs, bytes };
      runs.push(run);
      continue;
    }
    run.lastSeq = seq;
    run.bytes += body.length;
    run.minEventMs = Math.min(run.minEventMs, eventMs);
    run.maxEventMs = Math.max(run.maxEventMs, eventMs);
  }
  return runs;
}
