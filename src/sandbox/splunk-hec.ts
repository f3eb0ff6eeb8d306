import { gunzipSync } from 'node:zlib';
import { AcceptedBodies, type AcceptedBody } from './accepted-bodies.ts';
import { type BriefEvent, briefEvent } from './accepted-brief.ts';
import type { Counters, FaultInjector } from './faults.ts';
import { HecAcks } from './hec-acks.ts';
import { type HecCode, hecReply } from './hec-answers.ts';
import { type BadEnvelope, type HecEnvelope, readEnvelopes } from './hec-envelopes.ts';
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
import type { HecToken, TokenStore } from './tokens.ts';

export interface HecSettings {
  /** Largest body after unpacking. */
  readonly maxBodyBytes: number;
  /** How an oversize body is refused: 413 with HTML, or as Splunk Cloud does, 400 code 6 event 0. */
  readonly oversize: 'enterprise' | 'cloud';
  /** On a bad event the events before it are indexed (measured on Enterprise 10.4.3), or none is. */
  readonly beforeBadEvent: 'indexed' | 'dropped';
  readonly allowQueryToken: boolean;
  /** Time from acceptance to `ack: true`. */
  readonly ackDelayMs: number;
}

export const hecDefaults: HecSettings = {
  maxBodyBytes: 5 * 1024 * 1024,
  oversize: 'enterprise',
  beforeBadEvent: 'indexed',
  allowQueryToken: false,
  ackDelayMs: 200,
};

/** One event as it would be found in Splunk; `n` is its number of arrival. A repeat is a row of its own. */
export interface AcceptedEvent {
  readonly n: number;
  readonly receivedMs: number;
  readonly index: string;
  readonly sourcetype?: string;
  readonly source?: string;
  readonly host?: string;
  /** Epoch seconds, as sent. */
  readonly time?: number;
  readonly event: unknown;
  readonly fields?: Readonly<Record<string, unknown>>;
}

interface HecNote {
  readonly defaultIndex: string;
  /** Absent for `/event`; the query's metadata for `/raw`. */
  readonly raw?: Readonly<Record<string, string>>;
}

export interface HecServer {
  owns(call: Call): boolean;
  answer(call: Call): Promise<AnyReply>;
  readonly accepted: AcceptedBodies<HecNote>;
  acceptedEvents(): Iterable<AcceptedEvent>;
  forgetChannels(): void;
}

interface HecDeps {
  readonly settings: HecSettings;
  readonly tokens: TokenStore;
  readonly faults: FaultInjector;
  readonly counters: Counters;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly keepAccepted: boolean;
}

const ROOT = '/services/collector';

export function createHecServer(deps: HecDeps): HecServer {
  const accepted = new AcceptedBodies<HecNote>({ keep: deps.keepAccepted });
  const acks = new HecAcks({ monotonic: deps.monotonic, delayMs: deps.settings.ackDelayMs });
  return {
    owns: (call) => call.path === ROOT || call.path.startsWith(`${ROOT}/`),
    answer: (call) => route(deps, accepted, acks, call),
    accepted,
    *acceptedEvents() {
      for (const body of accepted.list()) yield* eventsOf(body);
    },
    forgetChannels: () => acks.forget(),
  };
}

function route(
  deps: HecDeps,
  accepted: AcceptedBodies<HecNote>,
  acks: HecAcks,
  call: Call,
): Promise<AnyReply> {
  deps.counters.add('hec.requests');
  switch (call.path.slice(ROOT.length)) {
    case '':
    case '/':
    case '/event':
    case '/event/1.0':
      return receive(deps, accepted, acks, call, 'event');
    case '/raw':
    case '/raw/1.0':
      return receive(deps, accepted, acks, call, 'raw');
    case '/ack':
    case '/ack/1.0':
      return Promise.resolve(answerAcks(deps, acks, call));
    case '/health':
    case '/health/1.0':
      return Promise.resolve(answerHealth(deps, call));
    default:
      return Promise.resolve(
        jsonReply(404, { text: 'The requested URL was not found on this server.', code: 404 }),
      );
  }
}

type Admission = { readonly token: HecToken } | { readonly code: HecCode };

/** Splunk scheme, Basic with the token as password, or the query where it is allowed. */
function admit(deps: HecDeps, call: Call): Admission {
  const header = call.header('authorization');
  const inQuery = call.query.get('token');
  if (header === undefined && inQuery !== null) {
    const token = deps.tokens.hec(inQuery);
    if (token === undefined) return { code: 4 };
    return deps.settings.allowQueryToken ? stateOf(token) : { code: 16 };
  }
  if (header === undefined) return { code: 2 };
  const [scheme, value] = header.split(/\s+/, 2);
  if (value === undefined || value === '') return { code: scheme === 'Splunk' ? 2 : 3 };
  const text = scheme === 'Splunk' ? value : scheme === 'Basic' ? passwordOf(value) : undefined;
  if (text === undefined) return { code: 3 };
  const token = deps.tokens.hec(text);
  return token === undefined ? { code: 4 } : stateOf(token);
}

function stateOf(token: HecToken): Admission {
  return token.disabled ? { code: 1 } : { token };
}

function passwordOf(basic: string): string {
  return Buffer.from(basic, 'base64').toString().split(':').slice(1).join(':');
}

async function receive(
  deps: HecDeps,
  accepted: AcceptedBodies<HecNote>,
  acks: HecAcks,
  call: Call,
  kind: 'event' | 'raw',
): Promise<AnyReply> {
  if (call.method !== 'POST') return jsonReply(405, { text: 'Method Not Allowed', code: 405 });
  const early = faultBefore(deps);
  if (early !== undefined) return early;
  const admission = admit(deps, call);
  if ('code' in admission) return counted(deps, admission.code);
  const channel = channelOf(call);
  const channelCode = admission.token.ack ? codeOfChannel(channel) : undefined;
  if (channelCode !== undefined) return counted(deps, channelCode);
  if (admission.token.ack && deps.faults.happens('ack-capacity', 'hec refused')) return counted(deps, 27);
  const body = await unpack(deps, call);
  if (!Buffer.isBuffer(body)) return body;
  const reply = await index(deps, accepted, call, kind, admission.token, body);
  if (deps.faults.happens('reset', 'hec after')) return { reset: true };
  return reply.code === 0
    ? success(deps, acks, admission.token, channel)
    : counted(deps, reply.code, reply.extra);
}

/** What a load balancer or a loaded indexer answers instead of reading the events. */
function faultBefore(deps: HecDeps): AnyReply | undefined {
  const { faults } = deps;
  if (faults.happens('reset', 'hec before')) return { reset: true };
  if (faults.happens('html', 'hec')) return htmlReply(502, 'Bad Gateway');
  if (faults.happens('shutting-down', 'hec')) return counted(deps, 23);
  if (faults.happens('busy', 'hec')) return counted(deps, faults.random('busy') < 0.5 ? 9 : 26);
  return undefined;
}

function counted(deps: HecDeps, code: HecCode, extra: Readonly<Record<string, unknown>> = {}): Reply {
  deps.counters.add(`hec.code.${code}`);
  return hecReply(code, extra);
}

function channelOf(call: Call): string | undefined {
  return call.header('x-splunk-request-channel') ?? call.query.get('channel') ?? undefined;
}

function codeOfChannel(channel: string | undefined): 10 | 11 | undefined {
  if (channel === undefined || channel === '') return 10;
  return HecAcks.isGuid(channel) ? undefined : 11;
}

async function unpack(deps: HecDeps, call: Call): Promise<Buffer | Reply> {
  const encoding = call.header('content-encoding') ?? 'identity';
  if (encoding !== 'gzip' && encoding !== 'identity') return htmlReply(415, 'Unsupported Media Type');
  const { maxBodyBytes } = deps.settings;
  try {
    const body = encoding === 'gzip' ? await gunzipBody(call.body, maxBodyBytes) : call.body;
    if (body.length > maxBodyBytes) throw new BodyTooLargeError('body too large');
    return body;
  } catch (error) {
    if (error instanceof BodyEncodingError) return counted(deps, 6, { 'invalid-event-number': 0 });
    if (!(error instanceof BodyTooLargeError)) throw error;
    deps.counters.add('hec.oversize');
    if (deps.settings.oversize === 'cloud') return counted(deps, 6, { 'invalid-event-number': 0 });
    return htmlReply(413, 'Content-Length of body is too large');
  }
}

interface Indexed {
  readonly code: HecCode;
  readonly extra?: Readonly<Record<string, unknown>>;
}

async function index(
  deps: HecDeps,
  accepted: AcceptedBodies<HecNote>,
  call: Call,
  kind: 'event' | 'raw',
  token: HecToken,
  body: Buffer,
): Promise<Indexed> {
  if (isBlank(body)) return { code: 5 };
  const note: HecNote = {
    defaultIndex: token.indexes?.[0] ?? 'main',
    ...(kind === 'raw' ? { raw: Object.fromEntries(call.query) } : {}),
  };
  const isAllowed = (name: string) => token.indexes === undefined || token.indexes.includes(name);
  const wanted = note.raw?.index;
  if (wanted !== undefined && !isAllowed(wanted)) return { code: 7 };
  const gzipped = call.header('content-encoding') === 'gzip' ? call.body : undefined;
  const { items, bad } =
    note.raw === undefined
      ? readEvents(deps, body, isAllowed)
      : { items: rawEnvelopes(body, note.raw).map(briefEvent) };
  deps.counters.add('hec.events', items.length);
  await accepted.add({ items, receivedMs: deps.now(), plain: body, gzipped, note });
  return bad === undefined ? { code: 0 } : { code: bad.code, extra: { 'invalid-event-number': bad.number } };
}

function isBlank(body: Buffer): boolean {
  return body.toString('utf8', 0, 64).trim() === '' && body.toString().trim() === '';
}

/** The briefs of what gets indexed, and the first bad envelope. */
function readEvents(
  deps: HecDeps,
  body: Buffer,
  isAllowed: (name: string) => boolean,
): { items: readonly Omit<BriefEvent, 'n'>[]; bad?: BadEnvelope } {
  const items: Omit<BriefEvent, 'n'>[] = [];
  const envelopes = readEnvelopes(body, isAllowed);
  for (;;) {
    const step = envelopes.next();
    if (step.done !== true) {
      items.push(briefEvent(step.value));
      continue;
    }
    if (step.value === undefined) return { items };
    return { items: deps.settings.beforeBadEvent === 'indexed' ? items : [], bad: step.value };
  }
}

function success(deps: HecDeps, acks: HecAcks, token: HecToken, channel: string | undefined): Reply {
  const { faults } = deps;
  const ackId = ackIdOf(deps, acks, token, channel);
  if (token.ack && faults.happens('ack-capacity', 'hec accepted')) return counted(deps, 25, ackId);
  return counted(deps, faults.happens('near-capacity', 'hec') ? 24 : 0, ackId);
}

function ackIdOf(
  deps: HecDeps,
  acks: HecAcks,
  token: HecToken,
  channel: string | undefined,
): { ackId?: number } {
  if (!token.ack || channel === undefined) return {};
  return { ackId: acks.issue(channel, deps.faults.happens('ack-lost', 'hec')) };
}

function answerAcks(deps: HecDeps, acks: HecAcks, call: Call): AnyReply {
  if (deps.faults.happens('reset', 'hec ack')) return { reset: true };
  const admission = admit(deps, call);
  if ('code' in admission) return counted(deps, admission.code);
  if (!admission.token.ack) return counted(deps, 14);
  const channel = channelOf(call);
  const channelCode = codeOfChannel(channel);
  if (channelCode !== undefined || channel === undefined) return counted(deps, channelCode ?? 10);
  const answer = acks.query(channel, call.body.toString());
  return answer === undefined ? counted(deps, 6) : jsonReply(200, { acks: answer });
}

/** Health needs no token; a wrong or disabled one is told. */
function answerHealth(deps: HecDeps, call: Call): Reply {
  if (call.header('authorization') !== undefined) {
    const admission = admit(deps, call);
    if ('code' in admission) return counted(deps, admission.code === 1 ? 22 : 21);
  }
  return counted(deps, deps.faults.happens('busy', 'hec health') ? 18 : 17);
}

function* eventsOf(body: AcceptedBody<HecNote>): Generator<AcceptedEvent> {
  const bytes = gunzipSync(body.gzipped);
  const { raw, defaultIndex } = body.note;
  const envelopes = raw === undefined ? readEnvelopes(bytes, () => true) : rawEnvelopes(bytes, raw);
  let offset = 0;
  for (const envelope of envelopes) {
    if (offset === body.count) return;
    yield {
      n: body.first + offset,
      receivedMs: body.receivedMs,
      ...envelope,
      index: envelope.index ?? defaultIndex,
    };
    offset += 1;
  }
}

function rawEnvelopes(body: Buffer, query: Readonly<Record<string, string>>): readonly HecEnvelope[] {
  const { host, source, sourcetype, index: wanted, time } = query;
  const lines = body.toString().split(/\r?\n/);
  return lines
    .filter((line) => line.trim() !== '')
    .map((event) => ({
      event,
      ...(host === undefined ? {} : { host }),
      ...(source === undefined ? {} : { source }),
      ...(sourcetype === undefined ? {} : { sourcetype }),
      ...(wanted === undefined ? {} : { index: wanted }),
      ...(time === undefined ? {} : { time: Number(time) }),
    }));
}
