import type { JournalEntry, JournalReader } from '../model/journal.ts';
import type { RecordPart, RequestRecord } from '../model/request-record.ts';
import type { Window } from '../model/source-event.ts';
import { logUnitOf } from './topology.ts';

/** Unit → keys of the source events that stand in records. */
export type KeysByUnit = ReadonlyMap<string, ReadonlySet<string>>;

export interface StoredKeys {
  readonly known: KeysByUnit;
  /** Lines that nobody could read at the time. Read again on order, they may be readable by now. */
  readonly unread: KeysByUnit;
}

/** A record's own time and those of its lines differ by the length of a request and by clocks, milliseconds. */
const MARGIN_MS = 120_000;
const PAGE_ENTRIES = 2_000;

/**
 * Which source events of a span the trail itself holds. Seen keys are forgotten once every re-read has passed; the
 * records stay, so a span of any age can be read again and nothing of it is stored twice. A line that went out
 * alone is not among them: it takes part in the join again, in case its partner could not be read at the time.
 */
export async function storedKeys(
  journal: Pick<JournalReader, 'query'>,
  span: Window,
  signal: AbortSignal,
): Promise<StoredKeys> {
  const known = new Map<string, Set<string>>();
  const unread = new Map<string, Set<string>>();
  const fromMs = span.fromMs - MARGIN_MS;
  let toMs = span.toMs + MARGIN_MS;
  let limit = PAGE_ENTRIES;
  for (;;) {
    signal.throwIfAborted();
    const entries = await journal.query({ stream: 'records', fromMs, toMs, limit, revisions: 'latest' });
    for (const entry of entries) addKeys(entry.record.kind === 'unparsed' ? unread : known, entry);
    const oldestMs = entries.at(-1)?.eventMs;
    if (oldestMs === undefined || entries.length < limit) return { known, unread };
    // The oldest millisecond may go on: it is asked for again, with more room when it filled the whole page.
    limit = oldestMs + 1 < toMs ? PAGE_ENTRIES : limit * 2;
    toMs = oldestMs + 1;
  }
}

function addKeys(keys: Map<string, Set<string>>, { record }: JournalEntry): void {
  if (record.kind !== 'request' && record.kind !== 'unparsed') return;
  if (record.kind === 'request' && isAlone(record)) return;
  for (const part of record.parts) keysOf(keys, part).add(`${part.logStream}\n${part.eventId}`);
}

/** Went out for want of its partner: a line that found none, or a failure whose invocation was never seen. */
function isAlone({ outcome, decisionRequestId }: RequestRecord): boolean {
  return outcome === 'access_only' || (outcome === 'authorizer_error' && decisionRequestId === undefined);
}

function keysOf(keys: Map<string, Set<string>>, part: RecordPart): Set<string> {
  const unit = logUnitOf(part);
  let known = keys.get(unit);
  if (known === undefined) {
    known = new Set();
    keys.set(unit, known);
  }
  return known;
}
