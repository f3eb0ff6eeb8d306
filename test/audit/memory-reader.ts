import type {
  Gap,
  JournalEntry,
  JournalReader,
  JournalRecord,
  RecordQuery,
  StoredDeadLetter,
} from '../../src/model/journal.ts';
import type { RequestRecord, UnparsedRecord } from '../../src/model/request-record.ts';

export interface MemoryReader extends JournalReader {
  /** Queries as they arrived. */
  readonly queries: RecordQuery[];
  readonly closed: boolean;
}

/** A journal in memory that understands every part of a query. `seq` counts from 1 in the order given. */
export function createMemoryReader(
  records: readonly JournalRecord[],
  more: { gaps?: readonly Gap[]; delivery?: JournalReader['deliveryOf'] } = {},
): MemoryReader {
  const entries = records.map((record, index) => entryOf(record, index + 1));
  const queries: RecordQuery[] = [];
  let closed = false;
  return {
    queries,
    get closed() {
      return closed;
    },
    query: async (query) => {
      queries.push(query);
      const found = entries.filter((entry) => matches(entry, query));
      const shown = query.revisions === 'all' ? found : found.filter((entry) => isNewest(entry, entries));
      return shown.toSorted((a, b) => b.eventMs - a.eventMs || b.seq - a.seq).slice(0, query.limit);
    },
    latest: async () => new Map(),
    readStream: async (stream, afterSeq, limit) =>
      entries.filter((entry) => entry.stream === stream && entry.seq > afterSeq).slice(0, limit),
    readSpan: async ({ stream, afterSeq, throughSeq, fromMs, toMs }, limit) =>
      entries
        .filter((entry) => entry.stream === stream && entry.seq > afterSeq && entry.seq <= throughSeq)
        .filter(({ eventMs }) => eventMs >= fromMs && eventMs < toMs)
        .slice(0, limit),
    rowsAt: async (seqs) => entries.filter(({ seq }) => seqs.includes(seq)),
    lanes: async () => [],
    checkpoints: async () => [],
    ledger: async () => [],
    gaps: async () => more.gaps ?? [],
    deadLetters: async (): Promise<readonly StoredDeadLetter[]> => [],
    orders: async () => [],
    outcomes: async () => ({ counts: [], uncounted: [] }),
    allState: async function* () {},
    deliveryOf: more.delivery ?? (async () => []),
    close: async () => {
      closed = true;
    },
  };
}

function entryOf(record: JournalRecord, seq: number): JournalEntry {
  const { recordId, eventId, revision, eventMs } = record;
  const stream = record.kind === 'metric' ? 'metrics' : 'records';
  return { seq, stream, recordId, eventId, revision, eventMs, body: JSON.stringify(record), record };
}

function isNewest(entry: JournalEntry, entries: readonly JournalEntry[]): boolean {
  return entries.every((other) => other.recordId !== entry.recordId || other.seq <= entry.seq);
}

function matches({ stream, record, eventMs }: JournalEntry, query: RecordQuery): boolean {
  const request = record.kind === 'request' ? record : undefined;
  const isOneOf = (list: readonly string[] | undefined, value: string | undefined) =>
    list === undefined || (value !== undefined && list.includes(value));
  const is = (wanted: string | undefined, ...values: (string | undefined)[]) =>
    wanted === undefined || values.includes(wanted);
  return (
    is(query.stream, stream) &&
    is(query.recordId, record.recordId) &&
    is(query.eventId, record.eventId) &&
    isOneOf(query.customer, request?.customer) &&
    isOneOf(query.principal, request?.principal) &&
    is(query.api, request?.apiId, request?.apiName) &&
    is(query.stage, request?.stage) &&
    is(query.decision, request?.decision) &&
    is(query.outcome, request?.outcome) &&
    eventMs >= (query.fromMs ?? 0) &&
    eventMs < (query.toMs ?? Number.POSITIVE_INFINITY)
  );
}

export const NOON_MS = Date.parse('2026-11-03T12:00:00Z');

const SOURCE = {
  account: '111122223333',
  region: 'eu-west-1',
  logStream: 'stream-1',
  timestampMs: NOON_MS,
  ingestionMs: NOON_MS + 2_000,
};

/** A denied REST request with both its lines. */
export function deniedRequest(fields: Partial<RequestRecord> = {}): RequestRecord {
  return {
    kind: 'request',
    recordId: 'eFqE2DW9XIrCtYBMBoIlSWBOhTWMWmzzBdAO0oGzEpA',
    eventId: 'event-1',
    revision: 1,
    account: '111122223333',
    region: 'eu-west-1',
    apiId: 'a1b2c3d4e5',
    apiName: 'orders',
    stage: 'prod',
    protocol: 'REST',
    eventMs: NOON_MS,
    ingestionMs: NOON_MS + 2_000,
    readMs: NOON_MS + 30_000,
    authorizerKind: 'lambda_request',
    authorizerId: 'auth01',
    decisionRequestId: '0f8c1c3e-3d1b-4a6e-9f53-0d8b1a2c3d4e',
    decision: 'deny',
    decisionReason: 'scope orders:write missing',
    decisionSource: 'authorizer_log',
    principal: 'psn_k1_principal0000000000000',
    customer: 'psn_k1_customer00000000000000',
    customerSource: 'authorizer_context',
    outcome: 'matched',
    joinKey: 'authz_request_id',
    invocationDurationMs: 12.31,
    authorizerLog: ['decision=Deny reason=scope orders:write missing'],
    method: 'POST',
    path: '/orders/42',
    route: '/orders/{id}',
    status: 403,
    errorResponseType: 'ACCESS_DENIED',
    errorMessage: 'User is not authorized',
    responseLatencyMs: 41,
    sourceIp: '203.0.113.7',
    userAgent: '=cmd|calc,"x"',
    other: { 'identity.apiKeyId': 'k9' },
    parts: [
      { role: 'access', logGroup: '/apigw/orders', eventId: '3759481', ...SOURCE },
      { role: 'authorizer', logGroup: '/aws/lambda/authz', eventId: '3759482', ...SOURCE },
    ],
    ...fields,
  };
}

export function unparsedLine(): UnparsedRecord {
  return {
    kind: 'unparsed',
    recordId: 'unparsed-1',
    eventId: 'event-u',
    revision: 1,
    account: '111122223333',
    region: 'eu-west-1',
    logGroup: '/apigw/orders',
    role: 'access',
    eventMs: NOON_MS - 1_000,
    ingestionMs: NOON_MS,
    readMs: NOON_MS + 30_000,
    unparsed: true,
    problem: 'json: expected a value at 17',
    raw: '{"requestId":"abc","status":}',
    rawSha256: 'ab'.repeat(32),
    rawLength: 29,
    parts: [{ role: 'access', logGroup: '/apigw/orders', eventId: '3759400', ...SOURCE }],
  };
}
