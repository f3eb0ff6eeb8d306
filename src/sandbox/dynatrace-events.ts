import { isObject } from '../core/json.ts';
import type { Counters, FaultInjector } from './faults.ts';
import { type AnyReply, type Call, htmlReply, jsonReply, type Reply } from './http-exchange.ts';
import type { TokenStore } from './tokens.ts';

/** A problem as Dynatrace would keep it: opened by an event, kept open by the same payload, closed by an end or by silence. */
export interface Problem {
  readonly title: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly startMs: number;
  /** When its events arrived, the first included. */
  readonly toldMs: number[];
  /** When it closes unless it is refreshed; after an end, that end. */
  endMs: number;
  ended: boolean;
}

export interface EventsServer {
  owns(call: Call): boolean;
  answer(call: Call): AnyReply;
  readonly problems: readonly Problem[];
}

interface EventsDeps {
  readonly tokens: TokenStore;
  readonly faults: FaultInjector;
  readonly counters: Counters;
  readonly now: () => number;
}

const PATH = /^(?:\/e\/[^/]+)?\/api\/v2\/events\/ingest$/;
const SCOPE = 'events.ingest';

/** Types that open a problem. Others are taken, too, and open none. */
const OPENING = new Set([
  'AVAILABILITY_EVENT',
  'CUSTOM_ALERT',
  'ERROR_EVENT',
  'PERFORMANCE_EVENT',
  'RESOURCE_CONTENTION_EVENT',
]);
const OTHERS = new Set([
  'CUSTOM_ANNOTATION',
  'CUSTOM_CONFIGURATION',
  'CUSTOM_DEPLOYMENT',
  'CUSTOM_INFO',
  'MARKED_FOR_TERMINATION',
  'WARNING',
]);

const MINUTE_MS = 60_000;
const OLDEST_MS = 6 * 60 * MINUTE_MS;
const NEWEST_MS = 5 * MINUTE_MS;
const DEFAULT_TIMEOUT = 15;
/** The stricter of two published caps. */
const LONGEST_TIMEOUT = 60;
const MOST_PROPERTIES = 100;
const LONGEST_KEY = 100;
const LONGEST_VALUE = 4_096;

/** Events API v2, `POST /api/v2/events/ingest`: one event a call, JSON, 201. */
export function createEventsServer(deps: EventsDeps): EventsServer {
  const problems: Problem[] = [];
  return {
    owns: (call) => PATH.test(call.path),
    answer: (call) => receive(deps, problems, call),
    problems,
  };
}

function errorReply(status: number, message: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return jsonReply(status, { error: { code: status, message } }, headers);
}

function receive(deps: EventsDeps, problems: Problem[], call: Call): AnyReply {
  deps.counters.add('events.requests');
  if (call.method !== 'POST') return errorReply(405, 'Method not allowed');
  const early = faultBefore(deps) ?? refusal(deps, call);
  if (early !== undefined) return early;
  const event = readEvent(call.body, deps.now());
  if (typeof event === 'string') {
    deps.counters.add('events.rejected');
    return errorReply(400, event);
  }
  deps.counters.add('events.accepted');
  if (OPENING.has(event.type)) take(problems, event, deps.now());
  const reply = jsonReply(201, {
    reportCount: 1,
    eventIngestResults: [{ correlationId: `sandbox-${deps.counters.get('events.accepted')}`, status: 'OK' }],
  });
  return deps.faults.happens('reset', 'events after') ? { reset: true } : reply;
}

function faultBefore({ faults }: EventsDeps): AnyReply | undefined {
  if (faults.happens('reset', 'events before')) return { reset: true };
  if (faults.happens('html', 'events')) return htmlReply(502, 'Bad Gateway');
  if (!faults.happens('otlp-busy', 'events')) return undefined;
  return errorReply(429, 'Too many requests', { 'retry-after': '1' });
}

function refusal({ tokens }: EventsDeps, call: Call): Reply | undefined {
  const [scheme, value] = (call.header('authorization') ?? '').split(/\s+/, 2);
  const token = scheme === 'Api-Token' && value !== undefined ? tokens.dynatrace(value) : undefined;
  if (token === undefined) return errorReply(401, 'Token Authentication failed');
  if (token.scopes !== undefined && !token.scopes.includes(SCOPE)) {
    return errorReply(403, `Token is missing required scope. Use one of: ${SCOPE}`);
  }
  const type = call.header('content-type')?.split(';')[0]?.trim();
  return type === 'application/json'
    ? undefined
    : errorReply(415, `Unsupported content type ${type ?? 'none'}`);
}

interface SentEvent {
  readonly type: string;
  readonly title: string;
  readonly startMs: number;
  readonly endMs: number | undefined;
  readonly timeoutMs: number;
  readonly properties: Readonly<Record<string, string>>;
}

/** A string says what Dynatrace would refuse. */
function readEvent(body: Buffer, nowMs: number): SentEvent | string {
  const sent = parsed(body);
  if (!isObject(sent)) return 'Body is no JSON object';
  const { eventType, title, startTime = nowMs, endTime, timeout = DEFAULT_TIMEOUT, properties = {} } = sent;
  const type = typeof eventType === 'string' ? eventType : '';
  if (!OPENING.has(type) && !OTHERS.has(type)) return `eventType ${type} is unknown`;
  if (typeof title !== 'string' || title === '') return 'title must not be empty';
  if (typeof startTime !== 'number' || startTime < nowMs - OLDEST_MS || startTime > nowMs + NEWEST_MS) {
    return `startTime ${String(startTime)} is out of range`;
  }
  if (endTime !== undefined && (typeof endTime !== 'number' || endTime < startTime)) {
    return `endTime ${String(endTime)} is before startTime`;
  }
  if (typeof timeout !== 'number' || timeout < 1) return `timeout ${String(timeout)} is out of range`;
  const kept = readProperties(properties);
  if (typeof kept === 'string') return kept;
  const timeoutMs = Math.min(timeout, LONGEST_TIMEOUT) * MINUTE_MS;
  return { type, title, startMs: startTime, endMs: endTime, timeoutMs, properties: kept };
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

function readProperties(properties: unknown): Readonly<Record<string, string>> | string {
  if (!isObject(properties)) return 'properties must be an object';
  const entries = Object.entries(properties);
  if (entries.length > MOST_PROPERTIES) return `more than ${MOST_PROPERTIES} properties`;
  const kept: Record<string, string> = {};
  for (const [key, value] of entries) {
    if (typeof value !== 'string') return `property ${key} must be a string`;
    if (key.length > LONGEST_KEY || value.length > LONGEST_VALUE) return `property ${key} is too long`;
    if (/^dt\.(?!event\.|davis\.|entity\.)/.test(key)) return `property ${key} is reserved`;
    kept[key] = value;
  }
  return kept;
}

function take(problems: Problem[], event: SentEvent, nowMs: number): void {
  const known = problems.find((problem) => isOpen(problem, nowMs) && isSame(problem, event));
  const endMs = event.endMs ?? nowMs + event.timeoutMs;
  const ended = event.endMs !== undefined;
  if (known === undefined) {
    const { title, properties, startMs } = event;
    problems.push({ title, properties, startMs, toldMs: [nowMs], endMs, ended });
    return;
  }
  known.toldMs.push(nowMs);
  known.endMs = endMs;
  known.ended = ended;
}

/** Still open at `nowMs`, or ended by an event that is being repeated. */
function isOpen({ endMs, ended }: Problem, nowMs: number): boolean {
  return ended || endMs > nowMs;
}

function isSame(problem: Problem, event: SentEvent): boolean {
  const text = ({ title, properties }: Pick<Problem, 'title' | 'properties'>) =>
    JSON.stringify([title, Object.entries(properties).sort()]);
  return text(problem) === text(event);
}
