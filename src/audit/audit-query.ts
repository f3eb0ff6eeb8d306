import { parseDuration } from '../core/duration.ts';
import { UserError } from '../core/errors.ts';
import type { JournalEntry, JournalReader, RecordQuery } from '../model/journal.ts';
import type { Decision, JoinOutcome } from '../model/request-record.ts';
import type { PseudonymKind } from '../redact/pseudonym.ts';
import { DECISION_WORDS, OUTCOME_WORDS } from './words.ts';

/** What an auditor asks for. Customer and principal are clear names or pseudonyms; times in milliseconds, `toMs` exclusive. */
export interface AuditQuery {
  readonly customer?: string;
  readonly principal?: string;
  /** Name or id of the API. */
  readonly api?: string;
  readonly stage?: string;
  readonly decision?: Decision;
  readonly outcome?: JoinOutcome;
  readonly recordId?: string;
  readonly eventId?: string;
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly limit: number;
  readonly revisions: RecordQuery['revisions'];
}

/** What a look-up needs of the redactor: all that a name may stand as in the journal. */
export interface NameLookup {
  pseudonymsUnderEveryKey(kind: PseudonymKind, clear: string): readonly string[];
}

/** Records that match all of the query, newest event first. Metric points only when asked for by id. */
export async function queryRecords(
  reader: JournalReader,
  names: NameLookup,
  query: AuditQuery,
): Promise<readonly JournalEntry[]> {
  const { customer, principal, ...rest } = query;
  const isNamed = query.recordId !== undefined || query.eventId !== undefined;
  return reader.query({
    ...rest,
    ...(!isNamed && { stream: 'records' }),
    ...(customer !== undefined && { customer: storedForms(names, 'customer', customer) }),
    ...(principal !== undefined && { principal: storedForms(names, 'principal', principal) }),
  });
}

/** A name under every live key, and as it was given: it may be a pseudonym of a retired key, or stored in clear. */
function storedForms(names: NameLookup, kind: PseudonymKind, name: string): readonly string[] {
  return [...new Set([...names.pseudonymsUnderEveryKey(kind, name), name])];
}

/** Throws `UserError` with the valid values. */
export function parseDecision(text: string): Decision {
  return oneOf('--decision', text, DECISION_WORDS);
}

/** Throws `UserError` with the valid values. */
export function parseOutcome(text: string): JoinOutcome {
  return oneOf('--outcome', text, OUTCOME_WORDS);
}

function oneOf<T extends string>(option: string, text: string, words: Readonly<Record<T, string>>): T {
  const isKnown = (value: string): value is T => Object.hasOwn(words, value);
  if (isKnown(text)) return text;
  throw new UserError(
    'audit_value',
    `Expected ${option} to be one of ${Object.keys(words).join(', ')}, got \`${text}\`.`,
  );
}

const ISO_TIME = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?)?$/;

/** A time as people write it: ISO 8601 (UTC where no zone is given) or how long ago (`2h`, `1d12h`). Epoch milliseconds. */
export function parseTime(option: string, text: string, nowMs: number): number {
  const ago = parseDuration(text);
  if (ago !== undefined) return nowMs - ago;
  const [, date = '', time = '00:00', zone = 'Z'] = ISO_TIME.exec(text) ?? [];
  const ms = Date.parse(`${date}T${time}${zone}`);
  const isRealDate = date !== '' && new Date(`${date}T00:00Z`).toJSON()?.startsWith(date) === true;
  if (Number.isFinite(ms) && isRealDate) return ms;
  throw new UserError(
    'audit_time',
    `Expected ${option} to be a time such as 2026-11-03T10:00Z or how long ago such as 2h, got \`${text}\`.`,
  );
}
