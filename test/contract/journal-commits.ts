import type {
  Journal,
  JournalRecord,
  KnownKeys,
  LaneAck,
  LaneId,
  WindowCommit,
} from '../../src/model/journal.ts';
import type { RequestRecord } from '../../src/model/request-record.ts';
import { requestRecord } from './journal-records.ts';

/** What a Journal implementation gives the suite: one store that can be opened again and again. */
export interface JournalUnderTest {
  /** Opens the writer, taking over from whoever had it (leases have run out). */
  open(): Promise<Journal>;
  /** Closes what is still open and removes the store. */
  dispose(): Promise<void>;
}

export const UNIT = 'logs:111122223333:eu-west-1:/apigw/orders';
export const NO_COUNTS = { accepted: 0, rejected: 0, rejectedUnknown: 0, expired: 0, filtered: 0 };

export type WithJournal = (
  work: (journal: Journal, store: JournalUnderTest) => Promise<void>,
) => Promise<void>;

/** Opens the store for one test and disposes of it whatever comes of that. */
export function withJournalOf(create: () => Promise<JournalUnderTest>): WithJournal {
  return async (work) => {
    const store = await create();
    try {
      await work(await store.open(), store);
    } finally {
      await store.dispose();
    }
  };
}

/** Which of these keys the journal knows. */
export async function known(keys: Promise<KnownKeys>, ...asked: readonly string[]): Promise<string[]> {
  const found = await keys;
  return asked.filter((key) => found.has(key));
}

export function request(recordId: string, fields: Partial<RequestRecord> = {}): RequestRecord {
  return requestRecord({ recordId, eventId: `event of ${recordId}`, ...fields });
}

export function commit(
  journal: Journal,
  records: readonly JournalRecord[],
  fields: Partial<WindowCommit> = {},
): WindowCommit {
  const nothing = { unit: UNIT, expectedVersion: 0, seen: [], state: [], gaps: [], nowMs: 100_000 };
  return { ...nothing, epoch: journal.epoch, records, ...fields };
}

export async function committed(
  journal: Journal,
  records: readonly JournalRecord[],
  fields: Partial<WindowCommit> = {},
) {
  const nextCheckpoint = { readThroughMs: 60_000, rereads: [] };
  const result = await journal.commitWindow(commit(journal, records, { nextCheckpoint, ...fields }));
  if (result.kind === 'committed') return result;
  throw new Error(`Expected a commit, got ${result.kind}: ${result.reason}`);
}

export function ack(journal: Journal, name: LaneId['name'], cursor: number): LaneAck {
  return {
    lane: name,
    epoch: journal.epoch,
    cursor,
    counts: NO_COUNTS,
    deadLetters: [],
    expired: [],
    nowMs: 100_000,
  };
}

export function ids(entries: readonly { readonly recordId: string }[]): readonly string[] {
  return entries.map((entry) => entry.recordId);
}
