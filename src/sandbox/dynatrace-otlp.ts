import { gunzipSync } from 'node:zlib';
import { AcceptedBodies, type AcceptedBody } from './accepted-bodies.ts';
import { type BriefItem, briefLog, briefPoint } from './accepted-brief.ts';
import {
  changesOfLog,
  dynatraceLimits,
  isTooOldLog,
  type JudgedPoint,
  judgePoint,
  type StoredLogRecord,
  storeLog,
} from './dynatrace-rules.ts';
import type { Counters, FaultInjector } from './faults.ts';
import {
  type AnyReply,
  BodyEncodingError,
  BodyTooLargeError,
  type Call,
  gunzipBody,
  htmlReply,
  jsonReply,
  type Reply,
} from './http-exchange.ts';
import { decodeLogs, decodeMetrics, encodeResponse } from './otlp-messages.ts';
import type { TokenStore } from './tokens.ts';

type Signal = 'metrics' | 'logs';

interface OtlpNote {
  readonly signal: Signal;
  /** Item dropped by the `otlp-partial` fault. */
  readonly dropped?: number;
}

/** One point or log record as Dynatrace would hold it; `n` is its number of arrival. A repeat is a row of its own. */
export type AcceptedItem =
  | ({ readonly n: number; readonly receivedMs: number; readonly kind: 'metric' } & Omit<
      Exclude<JudgedPoint, { rejected: string }>,
      'changes'
    >)
  | ({ readonly n: number; readonly receivedMs: number; readonly kind: 'log' } & StoredLogRecord);

export interface OtlpServer {
  owns(call: Call): boolean;
  answer(call: Call): Promise<AnyReply>;
  readonly accepted: AcceptedBodies<OtlpNote>;
  acceptedItems(): Iterable<AcceptedItem>;
}

interface OtlpDeps {
  readonly tokens: TokenStore;
  readonly faults: FaultInjector;
  readonly counters: Counters;
  readonly now: () => number;
  readonly keepAccepted: boolean;
}

const PATH = /^(?:\/e\/[^/]+)?\/api\/v2\/otlp\/v1\/(metrics|logs)$/;

export function createOtlpServer(deps: OtlpDeps): OtlpServer {
  const accepted = new AcceptedBodies<OtlpNote>({ keep: deps.keepAccepted });
  return {
    owns: (call) => call.path.includes('/api/v2/otlp/'),
    answer: (call) => receive(deps, accepted, call),
    accepted,
    *acceptedItems() {
      for (const body of accepted.list()) yield* itemsOf(body);
    },
  };
}

function errorReply(status: number, message: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return jsonReply(status, { error: { code: status, message } }, headers);
}

async function receive(deps: OtlpDeps, accepted: AcceptedBodies<OtlpNote>, call: Call): Promise<AnyReply> {
  deps.counters.add('otlp.requests');
  const signal = signalOf(call.path);
  if (signal === undefined) return errorReply(404, 'Not found');
  if (call.method !== 'POST') return errorReply(405, 'Method not allowed');
  const early = faultBefore(deps, signal) ?? refusal(deps, call, signal);
  if (early !== undefined) return early;
  const body = await unpack(deps, call, signal);
  if (!Buffer.isBuffer(body)) return body;
  const reply = await (signal === 'metrics' ? takeMetrics : takeLogs)(deps, accepted, call, body);
  return deps.faults.happens('reset', `otlp after ${signal}`) ? { reset: true } : reply;
}

function signalOf(path: string): Signal | undefined {
  const name = PATH.exec(path)?.[1];
  return name === 'metrics' || name === 'logs' ? name : undefined;
}

function faultBefore({ faults }: OtlpDeps, signal: Signal): AnyReply | undefined {
  if (faults.happens('reset', `otlp before ${signal}`)) return { reset: true };
  if (faults.happens('html', `otlp ${signal}`)) return htmlReply(502, 'Bad Gateway');
  if (!faults.happens('otlp-busy', signal)) return undefined;
  const isThrottled = faults.random('otlp-busy') < 0.5;
  return errorReply(isThrottled ? 429 : 503, 'Too many requests', { 'retry-after': '1' });
}

function refusal(deps: OtlpDeps, call: Call, signal: Signal): Reply | undefined {
  const [scheme, value] = (call.header('authorization') ?? '').split(/\s+/, 2);
  const token = scheme === 'Api-Token' && value !== undefined ? deps.tokens.dynatrace(value) : undefined;
  if (token === undefined) return errorReply(401, 'Token Authentication failed');
  const scopes = token.scopes ?? ['metrics.ingest', 'logs.ingest'];
  if (!scopes.includes(`${signal}.ingest`)) {
    return errorReply(403, `Token is missing required scope. Use one of: ${signal}.ingest`);
  }
  const type = call.header('content-type')?.split(';')[0]?.trim();
  if (type === 'application/x-protobuf') return undefined;
  return errorReply(
    415,
    `Unsupported content type ${type ?? 'none'}, only application/x-protobuf is supported`,
  );
}

async function unpack(deps: OtlpDeps, call: Call, signal: Signal): Promise<Buffer | Reply> {
  const limit = signal === 'metrics' ? dynatraceLimits.metricBytes : dynatraceLimits.logBytes;
  const encoding = call.header('content-encoding') ?? 'identity';
  if (encoding !== 'gzip' && encoding !== 'identity')
    return errorReply(415, `Unsupported encoding ${encoding}`);
  try {
    const body = encoding === 'gzip' ? await gunzipBody(call.body, limit) : call.body;
    if (body.length > limit) throw new BodyTooLargeError('body too large');
    return body;
  } catch (error) {
    if (error instanceof BodyEncodingError) return errorReply(400, 'Body is not gzip');
    if (!(error instanceof BodyTooLargeError)) throw error;
    deps.counters.add('otlp.oversize');
    return errorReply(413, `Request is larger than ${limit} bytes`);
  }
}

/** Decodes and hands over item by item, or says 400 when the bytes are no such message. */
function decodeEach<Item>(items: Iterable<Item>, take: (item: Item) => void): Reply | undefined {
  try {
    for (const item of items) take(item);
    return undefined;
  } catch (error) {
    return errorReply(400, `Body is not the expected protobuf message: ${String(error)}`);
  }
}

async function takeMetrics(
  deps: OtlpDeps,
  accepted: AcceptedBodies<OtlpNote>,
  call: Call,
  body: Buffer,
): Promise<Reply> {
  const nowMs = deps.now();
  const reasons = new Map<string, number>();
  const changes: string[] = [];
  const items: Unnumbered[] = [];
  let sent = 0;
  const unreadable = decodeEach(decodeMetrics(body), (point) => {
    sent += 1;
    const judged = judgePoint(point, nowMs);
    if ('rejected' in judged) reasons.set(judged.rejected, (reasons.get(judged.rejected) ?? 0) + 1);
    else {
      items.push(briefPoint(judged));
      for (const change of judged.changes) changes.push(change);
    }
  });
  if (unreadable !== undefined) return unreadable;
  if (sent > dynatraceLimits.metricPoints) {
    deps.counters.add('otlp.oversize');
    return errorReply(413, `More than ${dynatraceLimits.metricPoints} data points`);
  }
  const count = items.length;
  const rejected = sent - count;
  for (const change of changes) deps.counters.add(`otlp.${change}`);
  deps.counters.add('otlp.points', count);
  deps.counters.add('otlp.rejected', rejected);
  const why = [...reasons].map(([reason, times]) => `${reason} (${times})`).join(', ');
  if (count === 0 && rejected > 0) return errorReply(400, `All data points are invalid: ${why}`);
  return await keep(deps, accepted, call, { body, signal: 'metrics', items, rejected, why });
}

async function takeLogs(
  deps: OtlpDeps,
  accepted: AcceptedBodies<OtlpNote>,
  call: Call,
  body: Buffer,
): Promise<Reply> {
  const nowMs = deps.now();
  const changes: string[] = [];
  const items: Unnumbered[] = [];
  let tooOld = 0;
  const unreadable = decodeEach(decodeLogs(body), (record) => {
    if (isTooOldLog(record, nowMs)) tooOld += 1;
    items.push(briefLog(record));
    for (const change of changesOfLog(record)) changes.push(change);
  });
  if (unreadable !== undefined) return unreadable;
  const sent = items.length;
  if (sent > dynatraceLimits.logRecords) {
    deps.counters.add('otlp.oversize');
    return errorReply(413, `More than ${dynatraceLimits.logRecords} log records`);
  }
  if (tooOld > 0) {
    deps.counters.add('otlp.rejected', sent);
    return errorReply(400, `timestamps_out_of_range: ${tooOld} of ${sent} records are older than 24 h`);
  }
  for (const change of changes) deps.counters.add(`otlp.${change}`);
  deps.counters.add('otlp.records', sent);
  return await keep(deps, accepted, call, { body, signal: 'logs', items, rejected: 0, why: '' });
}

async function keep(
  deps: OtlpDeps,
  accepted: AcceptedBodies<OtlpNote>,
  call: Call,
  taken: { body: Buffer; signal: Signal; items: readonly Unnumbered[]; rejected: number; why: string },
): Promise<Reply> {
  const { signal, body } = taken;
  const sent = taken.items.length;
  const isPartial = sent > 1 && deps.faults.happens('otlp-partial', signal);
  const dropped = isPartial ? { dropped: Math.floor(deps.faults.random('otlp-partial') * sent) } : {};
  const items = taken.items.filter((_, position) => position !== dropped.dropped);
  const rejected = taken.rejected + (isPartial ? 1 : 0);
  const gzipped = call.header('content-encoding') === 'gzip' ? call.body : undefined;
  await accepted.add({ items, receivedMs: deps.now(), plain: body, gzipped, note: { signal, ...dropped } });
  const message = [taken.why, isPartial ? 'INTERNAL (1)' : ''].filter((part) => part !== '').join(', ');
  return {
    status: 200,
    headers: { 'content-type': 'application/x-protobuf' },
    body: rejected === 0 ? encodeResponse() : encodeResponse({ rejected, message }),
  };
}

/** Reads an accepted body again, under the same clock, so that the same items come out. */
function* itemsOf(body: AcceptedBody<OtlpNote>): Generator<AcceptedItem> {
  const bytes = gunzipSync(body.gzipped);
  const { receivedMs, note } = body;
  const found = note.signal === 'metrics' ? metricItems(bytes, receivedMs) : logItems(bytes, receivedMs);
  let position = 0;
  let n = body.first;
  for (const item of found) {
    if (position !== note.dropped) {
      yield { n, receivedMs, ...item };
      n += 1;
    }
    position += 1;
  }
}

type Unnumbered<Item = BriefItem> = Item extends unknown ? Omit<Item, 'n' | 'receivedMs'> : never;

function* metricItems(bytes: Buffer, nowMs: number): Generator<Unnumbered<AcceptedItem>> {
  for (const point of decodeMetrics(bytes)) {
    const judged = judgePoint(point, nowMs);
    if ('rejected' in judged) continue;
    const { changes, ...stored } = judged;
    yield { kind: 'metric', ...stored };
  }
}

function* logItems(bytes: Buffer, nowMs: number): Generator<Unnumbered<AcceptedItem>> {
  for (const record of decodeLogs(bytes)) {
    yield { kind: 'log', ...storeLog(record, nowMs) };
  }
}
