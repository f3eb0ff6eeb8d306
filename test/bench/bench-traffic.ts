import { type InvocationFacts, invocationLines } from '../../src/sandbox/authorizer-logs.ts';
import { JSON_WITH_ECHO } from '../../src/sandbox/fleet-formats.ts';
import { createRandom, type Random } from '../../src/sandbox/random.ts';
import type { WorldEvent } from '../../src/sandbox/world.ts';
import { type BenchApi, ROUTES } from './bench-fleet.ts';

/** Length of one round of traffic, milliseconds: a power of ten, so that a round is a prefix of every time in it. */
export const ROUND_MS = 10_000;
/** Where the base round stands: its times and ids are put in place of those of the round that is asked for. */
export const BASE_MS = 1_760_000_120_000;
/** First eight digits of every id of the base round. */
export const BASE_ID = 'c0ffee5a';
/** Requests of one API in a round: 250 a second. */
export const REQUESTS_PER_ROUND = 2_500;

const HIT_SHARE = 0.4;
const DENY_SHARE = 0.04;
const PRINCIPALS = 400;
const LAG_MS = 4_000;
/** The last requests begin early enough for their lines to stay within the round. */
const LAST_START_MS = ROUND_MS - 1_500;
const BROWSER =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36';

/** What one round of an API holds. */
export interface RoundShape {
  readonly requests: number;
  /** Share of requests that a cached decision answers. */
  readonly hitShare: number;
  /** Share of invocations of which no line is ever written. */
  readonly silentShare: number;
  /** How long a line takes to become readable, milliseconds. */
  readonly lagMs: (random: Random) => number;
  readonly extendedId: (random: Random, n: number) => string;
}

const HISTORY: RoundShape = {
  requests: REQUESTS_PER_ROUND,
  hitShare: HIT_SHARE,
  silentShare: 0,
  lagMs: () => LAG_MS,
  extendedId: (random) => `${BASE_ID}${random.letters(7)}=`,
};

export interface RoundEvents {
  readonly access: readonly WorldEvent[];
  readonly authorizer: readonly WorldEvent[];
  readonly requests: readonly RoundRequest[];
}

/** `readableMs`: when every line that its record tells of can be read. `waits`: its decision's lines never come. */
export interface RoundRequest {
  readonly readableMs: number;
  readonly kind: 'hit' | 'miss' | 'waits';
}

type Values = Readonly<Record<string, string>>;

/** Every request of one round, each API with its own seed. Hits name an invocation of the same round. */
export function baseRound(api: BenchApi, shape: RoundShape = HISTORY): RoundEvents {
  const random = createRandom(1, api.name);
  const access = new EventList(random, shape, 24, 'access');
  const authorizer = new EventList(random, shape, 16, `2025/10/09/[$LATEST]`);
  const decided: Decided[] = [];
  const requests: RoundRequest[] = [];
  for (let n = 0; n < shape.requests; n += 1) {
    const startMs = BASE_MS + Math.floor((n / shape.requests) * LAST_START_MS);
    const requestId = idOf(random);
    const isHit = decided.length > 50 && random.chance(shape.hitShare);
    const facts = isHit ? random.pick(decided.slice(-400)).facts : invocation(random, startMs, requestId);
    const isSilent = !isHit && shape.silentShare > 0 && random.chance(shape.silentShare);
    if (!isHit && !isSilent) decided.push({ facts, readableMs: writeInvocation(authorizer, api, facts) });
    const extendedId = shape.extendedId(random, n);
    const line = accessLine(random, { api, startMs, requestId, extendedId, facts, isHit });
    const ownMs = access.add(startMs, line);
    const decidedMs = decided.findLast((one) => one.facts === facts)?.readableMs ?? ownMs;
    const kind = isHit ? 'hit' : isSilent ? 'waits' : 'miss';
    requests.push({ readableMs: Math.max(ownMs, decidedMs), kind });
  }
  return { access: access.sorted(), authorizer: authorizer.sorted(), requests };
}

/** An invocation whose lines are written. `readableMs`: the last of them. */
interface Decided {
  readonly facts: InvocationFacts & { readonly gatewayRequestId: string };
  readonly readableMs: number;
}

function writeInvocation(to: EventList, api: BenchApi, facts: InvocationFacts): number {
  return Math.max(...invocationLines(api.authorizer, facts).map(({ atMs, text }) => to.add(atMs, text)));
}

function idOf(random: Random): string {
  return BASE_ID + random.uuid().slice(8);
}

function invocation(random: Random, startMs: number, gatewayRequestId: string) {
  const denied = random.chance(DENY_SHARE);
  const who = random.int(PRINCIPALS);
  return {
    lambdaRequestId: idOf(random),
    startMs: startMs + 3,
    durationMs: Math.min(900, random.lognormal(35, 0.5)),
    ending: denied ? 'deny' : 'allow',
    reason: denied ? 'scope_missing' : 'token_valid',
    principal: `svc-${who}`,
    customer: `C-${who % 60}`,
    gatewayRequestId,
    traceId: `1-${(BASE_MS / 1_000).toString(16)}-${random.hex(24)}`,
  } as const;
}

interface RequestFacts {
  readonly api: BenchApi;
  readonly startMs: number;
  readonly requestId: string;
  readonly extendedId: string;
  readonly facts: InvocationFacts & { readonly gatewayRequestId: string };
  readonly isHit: boolean;
}

/** Variable → member name, as the recommended format has them. */
const FORMAT = Object.entries(JSON.parse(JSON_WITH_ECHO) as Values).map(
  ([member, variable]) => [member, variable.slice('$context.'.length)] as const,
);

function accessLine(random: Random, request: RequestFacts): string {
  const values: Values = { ...requestValues(random, request), ...authorizerValues(random, request) };
  return `{${FORMAT.map(([member, variable]) => `"${member}":"${values[variable] ?? '-'}"`).join(',')}}`;
}

function requestValues(
  random: Random,
  { api, startMs, requestId, extendedId, facts, isHit }: RequestFacts,
): Values {
  const route = random.pick(ROUTES);
  const denied = facts.ending === 'deny';
  // A request lasts longer than the invocation it waits for.
  const leastMs = isHit ? 1 : Math.ceil(facts.durationMs) + 12;
  const latencyMs = Math.max(leastMs, Math.min(1_200, Math.round(random.lognormal(90, 0.6))));
  return {
    requestId,
    extendedRequestId: extendedId,
    requestTimeEpoch: String(startMs),
    apiId: api.id,
    stage: 'prod',
    httpMethod: route.method,
    resourcePath: route.path,
    path: route.path.replace('{id}', random.digits(8)),
    protocol: 'HTTP/1.1',
    status: denied ? '403' : '200',
    responseLatency: String(latencyMs),
    responseLength: String(random.between(40, 9_000)),
    'identity.sourceIp': `203.0.113.${random.int(256)}`,
    'identity.userAgent': BROWSER,
    domainName: `${api.name}.example.com`,
    xrayTraceId: `1-${(BASE_MS / 1_000).toString(16)}-${random.hex(24)}`,
    ...(denied
      ? {
          'error.message': 'User is not authorized to access this resource',
          'error.responseType': 'ACCESS_DENIED',
        }
      : {
          'integration.requestId': idOf(random),
          'integration.status': '200',
          'integration.latency': String(latencyMs - 5),
        }),
  };
}

function authorizerValues(random: Random, { facts, isHit }: RequestFacts): Values {
  return {
    'authorizer.principalId': facts.principal ?? '-',
    'authorizer.orgCustomerId': facts.customer ?? '-',
    'authorizer.authzRequestId': facts.lambdaRequestId,
    'authorizer.authzApigwRequestId': facts.gatewayRequestId,
    'authorizer.authzAtMs': String(facts.startMs),
    'authorizer.status': '200',
    'authorizer.latency': isHit ? '0' : String(Math.ceil(facts.durationMs) + random.between(2, 9)),
    ...(isHit ? {} : { 'authorizer.requestId': facts.lambdaRequestId }),
  };
}

/** Events of one group with ids like CloudWatch's, spread over a few streams. */
class EventList {
  readonly #random: Random;
  readonly #lagMs: RoundShape['lagMs'];
  readonly #streams: readonly string[];
  readonly #events: WorldEvent[] = [];

  constructor(random: Random, { lagMs }: RoundShape, streams: number, prefix: string) {
    this.#random = random;
    this.#lagMs = lagMs;
    this.#streams = Array.from({ length: streams }, () => prefix + random.hex(32));
  }

  /** Returns when the line can be read. */
  add(atMs: number, message: string): number {
    const ingestionMs = atMs + this.#lagMs(this.#random);
    const count = String(this.#events.length).padStart(14, '0');
    this.#events.push({
      logStream: this.#random.pick(this.#streams),
      eventId: ['39', atMs, count, this.#random.digits(27)].join(''),
      timestampMs: atMs,
      ingestionMs,
      message,
    });
    return ingestionMs;
  }

  sorted(): readonly WorldEvent[] {
    return this.#events.sort((a, b) => a.timestampMs - b.timestampMs || (a.eventId < b.eventId ? -1 : 1));
  }
}
