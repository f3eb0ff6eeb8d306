import type { Gap, JournalEntry, JournalReader, JournalRecord } from '../model/journal.ts';

/** Where one revision of a record went. */
export interface RevisionDelivery {
  readonly seq: number;
  readonly revision: number;
  readonly lanes: readonly { readonly lane: string; readonly status: string; readonly reason?: string }[];
}

/** All the journal knows about one record. `revisions` oldest first; `record` is the newest. */
export interface RecordStory {
  readonly record: JournalRecord;
  readonly revisions: readonly JournalEntry[];
  readonly delivery: readonly RevisionDelivery[];
  /** Spans around the record's time that were never read: reasons why a part may be missing. */
  readonly gaps: readonly Gap[];
}

/** Parts of one request lie close together: the longest a gateway waits for a backend, and clocks that differ. */
const NEARBY_MS = 5 * 60_000;
const MOST_REVISIONS = 1_000;

/** Finds a record by record id, or by the event id of any of its revisions. `undefined` when there is none. */
export async function showRecord(reader: JournalReader, id: string): Promise<RecordStory | undefined> {
  const revisions = await revisionsOf(reader, id);
  const newest = revisions.at(-1);
  if (newest === undefined) return undefined;
  const delivery: RevisionDelivery[] = [];
  for (const { seq, revision } of revisions) {
    delivery.push({ seq, revision, lanes: await reader.deliveryOf(seq) });
  }
  const gaps = (await reader.gaps()).filter((gap) => concerns(gap, newest.record));
  return { record: newest.record, revisions, delivery, gaps };
}

async function revisionsOf(reader: JournalReader, id: string): Promise<readonly JournalEntry[]> {
  const query = { limit: MOST_REVISIONS, revisions: 'all' } as const;
  const byRecord = await reader.query({ ...query, recordId: id });
  const recordId = byRecord.length > 0 ? id : (await reader.query({ ...query, eventId: id }))[0]?.recordId;
  if (recordId === undefined) return [];
  const all = recordId === id ? byRecord : await reader.query({ ...query, recordId });
  return all.toSorted((a, b) => a.revision - b.revision || a.seq - b.seq);
}

function concerns(gap: Gap, record: JournalRecord): boolean {
  return gap.fromMs < record.eventMs + NEARBY_MS && gap.toMs > record.eventMs - NEARBY_MS;
}
