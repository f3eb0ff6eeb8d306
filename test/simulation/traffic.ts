import { ACCESS_GROUP, type ApiName, AUTHORIZER_GROUP, type GuardedName } from './fleet.ts';
import type { Random } from './random.ts';
import {
  type Invocation,
  type LineStyle,
  LineWriter,
  type SimEvent,
  type TrafficPlan,
  type Values,
  type Verdict,
} from './traffic-lines.ts';

export type StoryKind =
  | Verdict
  | 'cached'
  | 'unnamed'
  | 'message'
  | 'throttled'
  | 'open'
  | 'garbage'
  | 'console'
  | 'init';

/** What really happened, and what the trail has to say about it in the end. Written without any code of the product. */
export interface Story {
  readonly kind: StoryKind;
  /** The events that belong to its one record, the access line first. Empty for `init`, which belongs to none. */
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
  readonly joinKey?: string;
  /** Set where that id alone, which a client can choose, leads to the decision. */
  readonly gatewayId?: string;
  /** Begin and end of the request. */
  readonly span?: { readonly fromMs: number; readonly toMs: number };
}

interface Called {
  readonly story: Story;
  readonly invocation: Invocation;
  readonly connectionId: string;
}

const LATENCY_MS = 120;
const CONNECT: Values = { eventType: 'CONNECT', routeKey: '$connect' };

/** Makes up what a small fleet served, and every line it logged about it. */
export class Traffic {
  readonly stories: Story[] = [];
  readonly #plan: TrafficPlan;
  readonly #random: Random;
  readonly #lines: LineWriter;

  constructor(plan: TrafficPlan, random: Random) {
    this.#plan = plan;
    this.#random = random;
    this.#lines = new LineWriter(plan, random);
  }

  /** What this run tries beyond the ordinary, for the tally. */
  get happened(): ReadonlyMap<string, number> {
    return this.#lines.happened;
  }

  get events(): SimEvent[] {
    return this.stories.flatMap((story) => story.events);
  }

  makeAll(): void {
    const { fromMs, toMs, requests, burst, apis } = this.#plan;
    for (let n = 0; n < requests; n += 1) this.#tell(this.#random.int(fromMs, toMs));
    if (burst === 0) return;
    const atMs = this.#random.int(fromMs, toMs);
    this.#lines.count('same_millisecond_burst');
    for (let n = 0; n < burst; n += 1) this.#lone(this.#random.pick(apis), atMs);
  }

  /** A request of one line. */
  #lone(api: ApiName, atMs: number): void {
    if (api === 'open') this.#open(atMs, 0);
    else this.#throttled(api, atMs);
  }

  /** One story that begins at `atMs`. */
  #tell(atMs: number): void {
    const api = this.#random.pick(this.#plan.apis);
    const dice = this.#random.next();
    if (dice < 0.03) this.#garbage(api, atMs);
    else if (api === 'open') this.#open(atMs, this.#random.int(5, 300));
    else if (dice < 0.06) this.#console(api, atMs);
    else if (dice < 0.08) this.#init(api, atMs);
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
    const style = { lagMs: 1_500, plain: true };
    const [api] = this.#plan.apis;
    return api === 'open' ? this.#open(atMs, 20, style) : this.#called(api, 'allow', atMs, style).story;
  }

  #allowed(api: GuardedName, atMs: number): void {
    const { story, invocation, connectionId } = this.#called(api, 'allow', atMs);
    if (api === 'chat') this.#connection(story, invocation, connectionId);
    if (api === 'gate') this.#beside(atMs);
    if (api !== 'orders' || !this.#random.chance(0.4)) return;
    for (let hits = this.#random.int(1, 3); hits > 0; hits -= 1) {
      this.#cached(invocation, atMs + this.#random.int(2_000, 250_000));
    }
  }

  #called(api: GuardedName, kind: Verdict, atMs: number, style: LineStyle = {}): Called {
    const gatewayId = api === 'gate' ? this.#lines.gatewayId() : undefined;
    const invocation = this.#lines.invoke(api, kind, atMs + 5, style, gatewayId);
    const connectionId = this.#lines.connectionId();
    const { id, customer } = invocation;
    const status = kind === 'allow' ? 200 : kind === 'deny' ? 403 : 500;
    const responseType = { allow: undefined, deny: 'ACCESS_DENIED', crash: 'AUTHORIZER_FAILURE' }[kind];
    const values: Values = {
      status,
      'error.responseType': responseType,
      'authorizer.requestId': id,
      'authorizer.status': kind === 'crash' ? 500 : 200,
      ...(kind === 'allow' && {
        'authorizer.principalId': `p-${customer}`,
        'authorizer.orgCustomerId': customer,
      }),
      ...(kind !== 'crash' && { 'authorizer.authzRequestId': id }),
      ...(gatewayId !== undefined && { requestId: gatewayId }),
      ...(api === 'chat' && { ...CONNECT, connectionId }),
    };
    const { access, ...named } = this.#lines.access(api, atMs, LATENCY_MS, values, style);
    const story = this.#add({
      kind,
      events: [access, ...invocation.events],
      needs: [],
      ...named,
      outcome: kind === 'crash' ? 'authorizer_error' : 'matched',
      decision: kind === 'crash' ? 'error' : kind,
      decisionRequestId: id,
      status,
      span: { fromMs: atMs, toMs: atMs + LATENCY_MS },
      ...(gatewayId !== undefined && { gatewayId, joinKey: 'gateway_request_id' }),
      ...(kind !== 'crash' && { customer }),
    });
    return { story, invocation, connectionId };
  }

  /** What else comes to the API whose lines name no invocation: answers from the cache, and the same forged id at once. */
  #beside(atMs: number): void {
    if (this.#random.chance(0.2)) this.#unnamed(atMs + this.#random.int(2_000, 250_000));
    if (!this.#plan.forgedRequestId || !this.#random.chance(0.5)) return;
    this.#called('gate', this.#random.pick(['allow', 'deny']), atMs + this.#random.int(0, 300));
  }

  /** Answered from the cache, and nothing in its line says so. */
  #unnamed(atMs: number): void {
    const { access, ...named } = this.#lines.access('gate', atMs, 40, { status: 200 });
    const told = { outcome: 'access_only', decision: 'allow', status: 200, joinKey: 'none' };
    // Under a forged id it may be taken for the request of an invocation that ran at the same time.
    const gatewayId = this.#plan.forgedRequestId ? this.#lines.gatewayId() : undefined;
    const forged = gatewayId !== undefined && { gatewayId, span: { fromMs: atMs, toMs: atMs + 40 } };
    this.#add({ kind: 'unnamed', events: [access], needs: [], ...named, ...told, ...forged });
  }

  /** Messages of a connection that was let in, and its end. */
  #connection(connect: Story, { id, customer }: Invocation, connectionId: string): void {
    const told = { outcome: 'connection_decision', decision: 'allow', customer, decisionRequestId: id };
    let atMs = connect.span?.toMs ?? 0;
    const messages = this.#random.int(0, 4);
    for (let n = 0; n <= messages; n += 1) {
      atMs += this.#random.logInt(500, 200_000);
      const how = n < messages ? MESSAGE : DISCONNECT;
      const values = { status: 200, connectionId, ...how };
      const { access, ...named } = this.#lines.access('chat', atMs, 15, values);
      const story = { ...named, ...told, status: 200, joinKey: 'connection_id' };
      this.#add({ kind: 'message', events: [access], needs: connect.events, ...story });
    }
  }

  #cached(invocation: Invocation, atMs: number): void {
    const { customer, id } = invocation;
    const values = {
      status: 200,
      'authorizer.authzRequestId': id,
      'authorizer.principalId': `p-${customer}`,
      'authorizer.orgCustomerId': customer,
    };
    const { access, ...named } = this.#lines.access('orders', atMs, 40, values);
    const told = { outcome: 'cached_decision', decision: 'allow', customer, decisionRequestId: id };
    this.#add({ kind: 'cached', events: [access], needs: invocation.events, ...named, ...told });
  }

  #throttled(api: GuardedName, atMs: number): void {
    const connecting = api === 'chat' ? { ...CONNECT, connectionId: this.#lines.connectionId() } : {};
    const values = { status: 429, 'error.responseType': 'THROTTLED', ...connecting };
    const { access, ...named } = this.#lines.access(api, atMs, 3, values);
    const told = { outcome: 'no_authorizer_call', decision: 'refused_before', status: 429 };
    this.#add({ kind: 'throttled', events: [access], needs: [], ...named, ...told });
  }

  #open(atMs: number, latencyMs: number, style: LineStyle = {}): Story {
    const { access, ...named } = this.#lines.access('open', atMs, latencyMs, { status: 200 }, style);
    const told = { outcome: 'no_authorizer', decision: 'unknown', status: 200 };
    return this.#add({ kind: 'open', events: [access], needs: [], ...named, ...told });
  }

  #garbage(api: ApiName, atMs: number): void {
    this.#lines.count('garbage_line');
    const message = `{"requestId":"cut off password=${this.#plan.canary}`;
    const event = this.#lines.event(ACCESS_GROUP[api], atMs, message);
    this.#add({ kind: 'garbage', events: [event], needs: [], outcome: 'unparsed', decision: 'unknown' });
  }

  #console(api: GuardedName, atMs: number): void {
    const { events, id } = this.#lines.invoke(api, 'allow', atMs, {});
    const told = { outcome: 'authorizer_only', decision: 'allow', decisionRequestId: id };
    this.#add({ kind: 'console', events, needs: [], ...told });
  }

  #init(api: GuardedName, atMs: number): void {
    const text =
      'INIT_START Runtime Version: nodejs:24.v12\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:0b\n';
    const event = this.#lines.event(AUTHORIZER_GROUP[api], atMs, text);
    this.#add({ kind: 'init', events: [], needs: [event], outcome: '', decision: '' });
  }

  #add(story: Story): Story {
    this.stories.push(story);
    return story;
  }
}

const MESSAGE: Values = { eventType: 'MESSAGE', routeKey: 'sendMessage' };
const DISCONNECT: Values = { eventType: 'DISCONNECT', routeKey: '$disconnect' };
