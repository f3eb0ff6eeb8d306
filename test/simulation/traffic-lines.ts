import { ACCESS_GROUP, type ApiName, AUTHORIZER_GROUP, type GuardedName, VARIABLES } from './fleet.ts';
import type { Random } from './random.ts';

/** One log event as CloudWatch will hold it, and from when on it can be read. */
export interface SimEvent {
  readonly group: string;
  readonly stream: string;
  readonly eventId: string;
  readonly atMs: number;
  readonly visibleMs: number;
  readonly message: string;
}

export interface TrafficPlan {
  readonly fromMs: number;
  readonly toMs: number;
  /** Who serves requests. At least one. */
  readonly apis: readonly [ApiName, ...ApiName[]];
  readonly requests: number;
  /** Size of bursts within one millisecond; 0 for none. */
  readonly burst: number;
  readonly streams: number;
  readonly lateness: 'calm' | 'late' | 'very_late';
  /** Planted where callers plant secrets. */
  readonly canary: string;
  /** Share of records that Splunk refuses for themselves. */
  readonly poison: number;
  readonly big: number;
  /** All requests of the world carry the same, client-chosen request id. */
  readonly forgedRequestId: boolean;
}

export interface Invocation {
  readonly id: string;
  readonly customer: string;
  readonly events: SimEvent[];
}

/** `plain`: nothing odd about the line. `lagMs`: when it can be read, instead of by chance. */
export interface LineStyle {
  readonly lagMs?: number;
  readonly plain?: boolean;
}

export interface AccessLine {
  readonly access: SimEvent;
  readonly extendedRequestId: string;
  /** Absent where the API logs no path. */
  readonly path?: string;
}

export type Values = Readonly<Record<string, string | number | undefined>>;
export type Verdict = 'allow' | 'deny' | 'crash';

const HOUR = 3_600_000;
const FORGED_ID = '11111111-2222-4333-8444-555555555555';

/** Writes the lines that gateways and functions log, each readable when chance has it. */
export class LineWriter {
  /** What was tried beyond the ordinary, for the tally. */
  readonly happened = new Map<string, number>();
  readonly #plan: TrafficPlan;
  readonly #random: Random;
  #serial = 0;

  constructor(plan: TrafficPlan, random: Random) {
    this.#plan = plan;
    this.#random = random;
  }

  count(what: string): void {
    this.happened.set(what, (this.happened.get(what) ?? 0) + 1);
  }

  /** The id that a gateway gives a request, or takes over from a client that sends its own. */
  gatewayId(): string {
    return this.#plan.forgedRequestId ? FORGED_ID : this.#id('b');
  }

  connectionId(): string {
    return `Q${this.#id('d').slice(-12)}=`;
  }

  /** `gatewayId`: the function logs it. */
  invoke(
    api: GuardedName,
    verdict: Verdict,
    startMs: number,
    style: LineStyle,
    gatewayId?: string,
  ): Invocation {
    const id = this.#id('a');
    const customer = `C-${this.#random.int(1, 40)}`;
    const endMs = startMs + this.#random.int(4, 60);
    const stream = this.#stream();
    const log = (atMs: number, text: string) =>
      this.event(AUTHORIZER_GROUP[api], atMs, text, { ...style, stream });
    const line = (atMs: number, level: string, text: string) =>
      log(atMs, `${new Date(atMs).toISOString()}\t${id}\t${level}\t${text}\n`);
    const duration = `Duration: ${endMs - startMs}.00 ms\tBilled Duration: ${endMs - startMs} ms`;
    const events = [
      log(startMs, `START RequestId: ${id} Version: $LATEST\n`),
      ...this.#chatter(style, gatewayId).map(([level, text]) => line(startMs + 1, level, text)),
      line(endMs - 1, ...lastWords(verdict, customer)),
      log(endMs, `END RequestId: ${id}\n`),
      log(endMs, `REPORT RequestId: ${id}\t${duration}\tMemory Size: 256 MB\tMax Memory Used: 92 MB\t\n`),
    ];
    return { id, customer, events };
  }

  /** What a function says before it decides. */
  #chatter(style: LineStyle, gatewayId: string | undefined): [string, string][] {
    const said: [string, string][] = [];
    if (gatewayId !== undefined) said.push(['INFO', `asked apigwRequestId=${gatewayId}`]);
    if (this.#random.chance(0.2)) {
      said.push(['DEBUG', `event {"headers":{"Authorization":"Bearer ${this.#plan.canary}"}}`]);
    }
    if (!style.plain && this.#random.chance(this.#plan.big)) {
      this.count('big_record');
      said.push(['DEBUG', `policy ${'statement '.repeat(this.#random.int(300, 900))}`]);
    }
    return said;
  }

  access(
    api: ApiName,
    startMs: number,
    latencyMs: number,
    values: Values,
    style: LineStyle = {},
  ): AccessLine {
    const extendedRequestId = this.#id('c');
    const hasPath = VARIABLES[api].includes('path');
    const poisoned = hasPath && !style.plain && this.#random.chance(this.#plan.poison);
    if (poisoned) this.count('poison_record');
    const path = poisoned ? '/poison' : `/things/${this.#random.int(1, 99)}`;
    const secret = this.#random.chance(0.2) ? `?access_token=${this.#plan.canary}` : '';
    const all: Values = {
      requestId: this.gatewayId(),
      extendedRequestId,
      requestTimeEpoch: startMs,
      httpMethod: 'GET',
      resourcePath: '/things',
      path: `${path}${secret}`,
      responseLatency: latencyMs,
      'identity.userAgent': 'client/1.0',
      'integration.status': values.status === 200 ? 200 : undefined,
      ...values,
    };
    const members = VARIABLES[api].map((name) => `"${name}":"${all[name] ?? '-'}"`);
    const access = this.event(ACCESS_GROUP[api], startMs + latencyMs, `{${members.join(',')}}`, style);
    return { access, extendedRequestId, ...(hasPath && { path }) };
  }

  event(
    group: string,
    atMs: number,
    message: string,
    how: { readonly lagMs?: number; readonly stream?: string } = {},
  ): SimEvent {
    const visibleMs = atMs + (how.lagMs ?? this.#lagMs());
    const stream = how.stream ?? this.#stream();
    return { group, stream, eventId: this.#id('3'), atMs, visibleMs, message };
  }

  #lagMs(): number {
    const random = this.#random;
    const dice = random.next();
    const usual = random.int(300, 9_000);
    if (this.#plan.lateness === 'calm' || dice > 0.2) return usual;
    if (dice > 0.08) return this.#late('late_1_minute', random.int(20_000, 115_000));
    if (dice > 0.03 || this.#plan.lateness === 'late')
      return this.#late('late_1_hour', random.logInt(120_000, HOUR));
    if (dice > 0.006) return this.#late('late_24_hours', random.logInt(HOUR, 24 * HOUR));
    return this.#late('late_25_hours', random.int(24 * HOUR, 25 * HOUR));
  }

  #late(what: string, lagMs: number): number {
    this.count(what);
    return lagMs;
  }

  #stream(): string {
    return `stream-${this.#random.int(1, this.#plan.streams)}`;
  }

  /** Ids of log events are numbers (`3…`), all others UUIDs. */
  #id(head: '3' | 'a' | 'b' | 'c' | 'd'): string {
    this.#serial += 1;
    const tail = String(this.#serial).padStart(6, '0');
    return head === '3' ? `3${tail.padStart(55, '0')}` : `${head}0000000-0000-4000-8000-000000${tail}`;
  }
}

function lastWords(verdict: Verdict, customer: string): [string, string] {
  if (verdict === 'crash') return ['ERROR', 'Invoke Error \t{"errorType":"TypeError","errorMessage":"kid"}'];
  const word = verdict === 'allow' ? 'Allow' : 'Deny';
  const said = `decision=${word} reason=token_checked principalId=p-${customer} orgCustomerId=${customer}`;
  return ['INFO', `authorization decision ${said}`];
}
