import type { JournalEntry, JournalRecord, StreamName } from '../model/journal.ts';
import { parseRecord } from './canonical-json.ts';
import { numberIn, type Row, textIn } from './row.ts';

/** Which stream a record travels in. */
export function streamOf(record: JournalRecord): StreamName {
  if (record.kind === 'alarm') return 'alarms';
  return record.kind === 'metric' ? 'metrics' : 'records';
}

export function isStreamName(value: string): value is StreamName {
  return value === 'records' || value === 'metrics' || value === 'alarms';
}

/** A row read from disk: its body is parsed when somebody asks for the record, and once. */
export class StoredEntry implements JournalEntry {
  readonly seq: number;
  readonly stream: StreamName;
  readonly recordId: string;
  readonly eventId: string;
  readonly revision: number;
  readonly eventMs: number;
  readonly body: string;
  #record: JournalRecord | undefined;

  constructor(row: Row, stream: StreamName) {
    this.seq = numberIn(row, 'seq');
    this.stream = stream;
    this.recordId = textIn(row, 'record_id');
    this.eventId = textIn(row, 'event_id');
    this.revision = numberIn(row, 'revision');
    this.eventMs = numberIn(row, 'event_ms');
    this.body = textIn(row, 'body');
  }

  get record(): JournalRecord {
    this.#record ??= parseRecord(this.body);
    return this.#record;
  }
}
