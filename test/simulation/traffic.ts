import { ACCESS_GROUP, type ApiName, AUTHORIZER_GROUP, VARIABLES } from './fleet.ts';
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

export type StoryKind =
  | 'allow'
  | 'deny'
  | 'crash'
  | 'cached'
  | 'throttled'
  | 'open'
  | 'garbage'
  | 'console'
  | 'init';

/** What really happened, and what the trail has to say about it in the end. Written without any code of the product. */
export interface Story {
  readonly kind: StoryKind;
  /** The events that belong to its one record. Empty for `init`, which belongs to none. */
  readonly events: readonly SimEvent[];
  /** Events of another story that must have been read for this one to be told right. */
  readonly needs: readonly SimEvent[];
  readonly extendedRequestId?: string;
  readonly outcome: string;
  readonly decision: string;
  readonly customer?: string;
  readonly decisionRequestId?: string;
  readonly status?: number;
  readonly path?: string;
}

export interface TrafficPlan {
  readonly fromMs: number;
  readonly toMs: number;
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

const HOUR = 3_600_000;

type Values = Readonly<Record<string, string | number | undefined>>;

interface Invocation {
  readonly id: string;
  readonly customer: string;
  readonly events: SimEvent[];
}

/** Makes up what a small fleet served, and every line it logged about it. */
export class Traffic {
  readonly stories: Story[] = [];
  readonly #plan: TrafficPlan;
  readonly #random: Random;
  /** What this run tries beyond the ordinary, for the tally. */
  readonly happened = new Map<string, number>();
  #serial = 0;

  constructor(plan: TrafficPlan, random: Random) {
    this.#plan = plan;
    this.#random = random;
  }

  get events(): SimEvent[] {
    return this.stories.flatMap((story) => story.events);
  }

  makeAll(): void {
    const { fromMs, toMs, requests, burst } = this.#plan;
    for (let n = 0; n < requests; n += 1) this.tell(this.#random.int(fromMs, toMs));
    if (burst === 0) return;
    const atMs = this.#random.int(fromMs, toMs);
    this.#count('same_millisecond_burst');
    for (let n = 0; n < burst; n += 1) this.#open(atMs, 0);
  }

  /** One story that begins at `atMs`. */
  tell(atMs: number): void {
    const random = this.#random;
    const api = random.pick(['orders', 'orders', 'pay', 'open']);
    const dice = random.next();
    if (dice < 0.03) this.#garbage(api, atMs);
    else if (dice < 0.06) this.#console(atMs);
    else if (dice < 0.08) this.#init(atMs);
    else if (api === 'open') this.#open(atMs, random.int(5, 300));
    else if (dice < 0.12) this.#throttled(api, atMs);
    else if (dice < 0.2) this.#called(api, 'deny', atMs);
    else if (dice < 0.24) this.#called(api, 'crash', atMs);
    else this.#allowed(api, atMs);
  }

  /** Requests without an authorizer, one every `everyMs`, each readable two seconds after it was served. */
  steady(fromMs: number, toMs: number, everyMs: number): SimEvent[] {
    const before = this.stories.length;
    for (let atMs = fromMs; atMs < toMs; atMs += everyMs)
      this.#open(Math.round(atMs), 20, { lagMs: 2_000, plain: true });
    return this.stories.slice(before).flatMap(({ events }) => events);
  }

  /** Requests of one and the same millisecond, in one stream, some of them readable much later than others. */
  sameMillisecond(atMs: number, count: number): SimEvent[] {
    const before = this.stories.length;
    for (let n = 0; n < count; n += 1) this.#open(atMs, 0);
    return this.stories.slice(before).flatMap(({ events }) => events);
  }

  /** An ordinary request that nothing holds up: liveness is shown by it. */
  fresh(atMs: number): Story {
    const story = this.#called('orders', 'allow', atMs, { lagMs: 1_500, plain: true }).story;
    return story;
  }

  #allowed(api: 'orders' | 'pay', atMs: number): void {
    const { invocation } = this.#called(api, 'allow', atMs);
    if (api === 'pay' || !this.#random.chance(0.4)) return;
    for (let hits = this.#random.int(1, 3); hits > 0; hits -= 1) {
      this.#cached(invocation, atMs + this.#random.int(2_000, 250_000));
    }
  }

  #called(
    api: 'orders' | 'pay',
    kind: 'allow' | 'deny' | 'crash',
    atMs: number,
    how: { lagMs?: number; plain?: boolean } = {},
  ): { story: Story; invocation: Invocation } {
    const invocation = this.#invoke(api, kind, atMs + 5, how);
    const { id, customer } = invocation;
    const status = kind === 'allow' ? 200 : kind === 'deny' ? 403 : 500;
    const responseType = { allow: undefined, deny: 'ACCESS_DENIED', crash: 'AUTHORIZER_FAILURE' }[kind];
    const names = {
      'authorizer.requestId': id,
      'authorizer.status': kind === 'crash' ? 500 : 200,
      ...(kind === 'allow' && {
        'authorizer.principalId': `p-${customer}`,
        'authorizer.orgCustomerId': customer,
      }),
      ...(kind !== 'crash' && { 'authorizer.authzRequestId': id }),
    };
    const line = { status, 'error.responseType': responseType, ...names };
    const { access, extendedRequestId, path } = this.#access(api, atMs, 120, line, how);
    const story = this.#add({
      kind,
      events: [access, ...invocation.events],
      needs: [],
      extendedRequestId,
      outcome: kind === 'crash' ? 'authorizer_error' : 'matched',
      decision: kind === 'crash' ? 'error' : kind,
      decisionRequestId: id,
      status,
      path,
      ...(kind !== 'crash' && { customer }),
    });
    return { story, invocation };
  }

  #cached(invocation: Invocation, atMs: number): void {
    const { customer, id } = invocation;
    const line = {
      status: 200,
      'authorizer.authzRequestId': id,
      'authorizer.principalId': `p-${customer}`,
      'authorizer.orgCustomerId': customer,
    };
    const { access, extendedRequestId, path } = this.#access('orders', atMs, 40, line);
    const told = { outcome: 'cached_decision', decision: 'allow', customer, decisionRequestId: id };
    this.#add({
      kind: 'cached',
      events: [access],
      needs: invocation.events,
      extendedRequestId,
      path,
      ...told,
    });
  }

  #throttled(api: 'orders' | 'pay', atMs: number): void {
    const line = { status: 429, 'error.responseType': 'THROTTLED' };
    const { access, extendedRequestId, path } = this.#access(api, atMs, 3, line);
    const told = { outcome: 'no_authorizer_call', decision: 'refused_before', status: 429 };
    this.#add({ kind: 'throttled', events: [access], needs: [], extendedRequestId, path, ...told });
  }

  #open(atMs: number, latencyMs: number, how: { lagMs?: number; plain?: boolean } = {}): void {
    const { access, extendedRequestId, path } = this.#access('open', atMs, latencyMs, { status: 200 }, how);
    const told = { outcome: 'no_authorizer', decision: 'unknown', status: 200 };
    this.#add({ kind: 'open', events: [access], needs: [], extendedRequestId, path, ...told });
  }

  #garbage(api: ApiName, atMs: number): void {
    this.#count('garbage_line');
    const message = `{"requestId":"cut off password=${this.#plan.canary}`;
    const event = this.#event(ACCESS_GROUP[api], atMs, message);
    this.#add({ kind: 'garbage', events: [event], needs: [], outcome: 'unparsed', decision: 'unknown' });
  }

  #console(atMs: number): void {
    const { events, id } = this.#invoke('orders', 'allow', atMs, {});
    const told = { outcome: 'authorizer_only', decision: 'allow', decisionRequestId: id };
    this.#add({ kind: 'console', events, needs: [], ...told });
  }

  #init(atMs: number): void {
    const text =
      'INIT_START Runtime Version: nodejs:24.v12\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:0b\n';
    this.#add({
      kind: 'init',
      events: [],
      needs: [this.#event(AUTHORIZER_GROUP.orders, atMs, text)],
      outcome: '',
      decision: '',
    });
  }

  #invoke(
    api: 'orders' | 'pay',
    kind: 'allow' | 'deny' | 'crash',
    startMs: number,
    how: { lagMs?: number; plain?: boolean },
  ): Invocation {
    const id = this.#id('lambda');
    const customer = `C-${this.#random.int(1, 40)}`;
    const endMs = startMs + this.#random.int(4, 60);
    const stream = this.#stream();
    const log = (atMs: number, text: string) =>
      this.#event(AUTHORIZER_GROUP[api], atMs, text, { ...how, stream });
    const line = (atMs: number, level: string, text: string) =>
      log(atMs, `${new Date(atMs).toISOString()}\t${id}\t${level}\t${text}\n`);
    const events = [log(startMs, `START RequestId: ${id} Version: $LATEST\n`)];
    if (this.#random.chance(0.2)) {
      const careless = `event {"headers":{"Authorization":"Bearer ${this.#plan.canary}"}}`;
      events.push(line(startMs + 1, 'DEBUG', careless));
    }
    if (!how.plain && this.#random.chance(this.#plan.big)) {
      this.#count('big_record');
      events.push(line(startMs + 1, 'DEBUG', `policy ${'statement '.repeat(this.#random.int(300, 900))}`));
    }
    if (kind === 'crash') {
      events.push(line(endMs - 1, 'ERROR', 'Invoke Error \t{"errorType":"TypeError","errorMessage":"kid"}'));
    } else {
      const word = kind === 'allow' ? 'Allow' : 'Deny';
      const said = `decision=${word} reason=token_checked principalId=p-${customer} orgCustomerId=${customer}`;
      events.push(line(endMs - 1, 'INFO', `authorization decision ${said}`));
    }
    events.push(log(endMs, `END RequestId: ${id}\n`));
    const duration = `Duration: ${endMs - startMs}.00 ms\tBilled Duration: ${endMs - startMs} ms`;
    events.push(
      log(endMs, `REPORT RequestId: ${id}\t${duration}\tMemory Size: 256 MB\tMax Memory Used: 92 MB\t\n`),
    );
    return { id, customer, events };
  }

  #access(
    api: ApiName,
    startMs: number,
    latencyMs: number,
    line: Values,
    how: { lagMs?: number; plain?: boolean } = {},
  ): { access: SimEvent; extendedRequestId: string; path: string } {
    const extendedRequestId = this.#id('ext');
    const poisoned = !how.plain && this.#random.chance(this.#plan.poison);
    if (poisoned) this.#count('poison_record');
    const path = poisoned ? '/poison' : `/things/${this.#random.int(1, 99)}`;
    const secret = this.#random.chance(0.2) ? `?access_token=${this.#plan.canary}` : '';
    const values: Values = {
      requestId: this.#plan.forgedRequestId ? '11111111-2222-4333-8444-555555555555' : this.#id('req'),
      extendedRequestId,
      requestTimeEpoch: startMs,
      httpMethod: 'GET',
      resourcePath: '/things',
      path: `${path}${secret}`,
      responseLatency: latencyMs,
      'identity.userAgent': 'client/1.0',
      'integration.status': line.status === 200 ? 200 : undefined,
      ...line,
    };
    const members = VARIABLES[api].map((name) => `"${name}":"${values[name] ?? '-'}"`);
    const message = `{${members.join(',')}}`;
    return {
      access: this.#event(ACCESS_GROUP[api], startMs + latencyMs, message, how),
      extendedRequestId,
      path,
    };
  }

  #event(
    group: string,
    atMs: number,
    message: string,
    how: { lagMs?: number; stream?: string } = {},
  ): SimEvent {
    const visibleMs = atMs + (how.lagMs ?? this.#lagMs());
    return {
      group,
      stream: how.stream ?? this.#stream(),
      eventId: this.#id('event'),
      atMs,
      visibleMs,
      message,
    };
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
    this.#count(what);
    return lagMs;
  }

  #stream(): string {
    return `stream-${this.#random.int(1, this.#plan.streams)}`;
  }

  #id(what: string): string {
    this.#serial += 1;
    const tail = String(this.#serial).padStart(6, '0');
    if (what === 'event') return `3${tail.padStart(55, '0')}`;
    const head = what === 'lambda' ? 'a' : what === 'req' ? 'b' : 'c';
    return `${head}0000000-0000-4000-8000-000000${tail}`;
  }

  #count(what: string): void {
    this.happened.set(what, (this.happened.get(what) ?? 0) + 1);
  }

  #add(story: Story): Story {
    this.stories.push(story);
    return story;
  }
}
