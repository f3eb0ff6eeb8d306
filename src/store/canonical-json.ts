import { GatewatchError } from '../core/errors.ts';
import { isObject } from '../core/json.ts';
import type { JournalRecord } from '../model/journal.ts';

/**
 * Order of the keys of a record and of its parts: the order `correlate/` builds them in, so that most need no copy.
 * Keys not listed follow in alphabetical order; maps (`other`, `dimensions`, `values`) are alphabetical. A new key
 * goes anywhere, but two keys never change places: that would change the hash of equal content.
 */
const RECORD_KEYS = words(`
  kind recordId eventId revision account region apiId apiName stage protocol
  namespace metricName dimensions periodS unit logGroup role eventMs ingestionMs readMs values
  unparsed problem raw rawSha256 rawLength
  requestId extendedRequestId connectionId messageId eventType method path route protocolVersion domainName
  status responseLengthBytes responseLatencyMs sourceIp userAgent
  integrationStatus integrationLatencyMs integrationRequestId integrationError
  authorizerStatus authorizerLatencyMs authorizerError wafStatus wafResponseCode
  errorMessage errorResponseType xrayTraceId other
  authorizerKind decision decisionSource customer customerSource outcome joinKey parts
  authorizerId decisionRequestId decisionReason principal invocationDurationMs authorizerLog supersededBy
  alarmName alarmType problemId problemStatus fromState toState reason severity owner runbook alarmId sampleRecordIds`);
const KINDS: ReadonlySet<string> = new Set<JournalRecord['kind']>(['request', 'unparsed', 'metric', 'alarm']);
const PART_KEYS = words('role account region logGroup logStream eventId timestampMs ingestionMs');

type Ranks = ReadonlyMap<string, number>;
const RECORD_RANKS = ranksOf(RECORD_KEYS);
const PART_RANKS = ranksOf(PART_KEYS);

export interface CanonicalRecord {
  readonly record: JournalRecord;
  /** The bytes that are stored and hashed. */
  readonly body: string;
}

/** How records with one list of keys, in the order they were built in, are brought into canonical order. */
interface KeyPlan {
  readonly keys: readonly string[];
  /** Keys in canonical order, and where each one's value stands among the record's values. */
  readonly ordered: readonly { readonly key: string; readonly from: number }[];
  /** An object with these keys in canonical order: copying it and filling it in is much faster than growing one. */
  readonly template: Readonly<Record<string, unknown>>;
}

const MAX_PLANS = 64;

/**
 * Writes records so that equal content gives equal text, whatever order it was built in. Lone surrogates come out as
 * `\uXXXX` escapes (JSON.stringify is well-formed), so text, UTF-8 bytes and hash agree. A record already in
 * canonical order is written out as it is; others are copied once. Records come in few shapes (one per access-log
 * format and outcome), so the order is worked out once per shape and remembered, the newest shapes first.
 */
export class RecordCanonicalizer {
  readonly #plans: KeyPlan[] = [];

  /** The record under its revision, and its text. */
  write(record: JournalRecord, revision: number): CanonicalRecord {
    const revised = record.revision === revision ? record : { ...record, revision };
    const canonical = this.#inOrder(revised);
    return { record: canonical, body: JSON.stringify(canonical) };
  }

  #inOrder(record: JournalRecord): JournalRecord {
    if (isCanonical(record)) return record;
    const plan = this.#planFor(Object.keys(record));
    const values: unknown[] = Object.values(record);
    const copy: Record<string, unknown> = { ...plan.template };
    for (const { key, from } of plan.ordered) copy[key] = orderedItem(values[from]);
    const canonical: unknown = copy;
    if (isJournalRecord(canonical)) return canonical;
    throw new GatewatchError(
      'invalid_record',
      `Expected a record with kind, ids and revision, got ${record.kind}`,
    );
  }

  #planFor(keys: readonly string[]): KeyPlan {
    const index = this.#plans.findIndex((plan) => haveSameItems(plan.keys, keys));
    const known = this.#plans[index];
    if (known !== undefined && index < MAX_PLANS / 4) return known;
    const plan = known ?? planKeys(keys);
    if (known !== undefined) this.#plans.splice(index, 1);
    this.#plans.unshift(plan);
    if (this.#plans.length > MAX_PLANS) this.#plans.pop();
    return plan;
  }
}

/** Reads a stored body back. Throws `journal_corrupt` for text that is no record. */
export function parseRecord(body: string): JournalRecord {
  const value: unknown = JSON.parse(body);
  if (isJournalRecord(value)) return value;
  throw new GatewatchError('journal_corrupt', `Expected a journal record, got ${body.slice(0, 80)}`);
}

/** The store wrote it, or was handed it typed: looking at what it relies on is enough. */
function isJournalRecord(value: unknown): value is JournalRecord {
  return (
    isObject(value) &&
    typeof value.kind === 'string' &&
    KINDS.has(value.kind) &&
    typeof value.recordId === 'string' &&
    typeof value.eventId === 'string' &&
    typeof value.revision === 'number'
  );
}

function planKeys(keys: readonly string[]): KeyPlan {
  const ordered = keys
    .map((key, from) => ({ key, from }))
    .sort((a, b) => compareKeys(a.key, b.key, RECORD_RANKS));
  return {
    keys,
    ordered,
    template: Object.fromEntries(ordered.map(({ key }) => [key, null])),
  };
}

function haveSameItems(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** Looks without allocating: nearly every record passes. */
function isCanonical(record: JournalRecord): boolean {
  if (!isRanked(record, RECORD_RANKS)) return false;
  if (record.kind === 'alarm') return true;
  if (record.kind === 'metric') return isAlphabetical(record.dimensions) && isAlphabetical(record.values);
  if (record.kind === 'request' && record.other !== undefined && !isAlphabetical(record.other)) return false;
  return record.parts.every((part) => isRanked(part, PART_RANKS));
}

function orderedItem(item: unknown): unknown {
  if (Array.isArray(item)) return item.map((part) => (isObject(part) ? reordered(part, PART_RANKS) : part));
  return isObject(item) ? reordered(item, undefined) : item;
}

function isRanked(value: object, ranks: Ranks): boolean {
  let last = -1;
  for (const key in value) {
    const rank = ranks.get(key);
    if (rank === undefined || rank < last) return false;
    last = rank;
  }
  return true;
}

function isAlphabetical(value: object): boolean {
  let last = '';
  for (const key in value) {
    if (key < last) return false;
    last = key;
  }
  return true;
}

/** `Object.fromEntries` defines own properties, so a key `__proto__` from outside stays data. */
function reordered(value: object, ranks: Ranks | undefined): object {
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  entries.sort(([a], [b]) => compareKeys(a, b, ranks));
  return Object.fromEntries(entries.map(([key, item]) => [key, item]));
}

function compareKeys(a: string, b: string, ranks: Ranks | undefined): number {
  const difference = rankOf(a, ranks) - rankOf(b, ranks);
  if (difference !== 0) return difference;
  return a < b ? -1 : 1;
}

function rankOf(key: string, ranks: Ranks | undefined): number {
  return ranks?.get(key) ?? Number.MAX_SAFE_INTEGER;
}

function ranksOf(keys: readonly string[]): Ranks {
  return new Map(keys.map((key, index) => [key, index]));
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
