import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { JournalEntry } from '../model/journal.ts';

interface Run {
  readonly stream: string;
  readonly firstSeq: number;
  lastSeq: number;
  minEventMs: number;
  maxEventMs: number;
}

/** Notes which `seq` belong to which stream: one row for each unbroken run of one stream within a commit. */
export class StreamRunWriter {
  readonly #insert: StatementSync;

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare(
      'INSERT INTO stream_run (stream, last_seq, first_seq, min_event_ms, max_event_ms) VALUES (?, ?, ?, ?, ?)',
    );
  }

  append(entries: readonly JournalEntry[]): void {
    for (const run of runsOf(entries)) {
      this.#insert.run(run.stream, run.lastSeq, run.firstSeq, run.minEventMs, run.maxEventMs);
    }
  }
}

function runsOf(entries: readonly JournalEntry[]): readonly Run[] {
  const runs: Run[] = [];
  let run: Run | undefined;
  for (const { stream, seq, eventMs } of entries) {
    if (run?.stream !== stream) {
      run = { stream, firstSeq: seq, lastSeq: seq, minEventMs: eventMs, maxEventMs: eventMs };
      runs.push(run);
      continue;
    }
    run.lastSeq = seq;
    run.minEventMs = Math.min(run.minEventMs, eventMs);
    run.maxEventMs = Math.max(run.maxEventMs, eventMs);
  }
  return runs;
}
