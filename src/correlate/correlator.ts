import type { AuthorizerKind } from '../model/inventory.ts';
import type { Journal, JournalRecord, StateChange } from '../model/journal.ts';
import type { AccessPart, AuthorizerLinePart, LogPart, StageRef } from '../model/part.ts';
import type { JoinKey, RequestRecord } from '../model/request-record.ts';
import {
  type AccessSide,
  accessSideOf,
  accessSideOfRecord,
  assembleInvocation,
  assembleRequest,
  assembleUnparsed,
  deciderOf,
  deciderOfRecord,
  type Joined,
  ownIdentity,
} from './assemble.ts';
import { decideByLine } from './decide.ts';
import { joinedByGatewayId, matchByGatewayId } from './gateway-group.ts';
import { accessRecordId } from './ids.ts';
import {
  addLine,
  type Claim,
  containsInvocation,
  type Invocation,
  invocationKey,
  isBetterClaim,
  newInvocation,
  requestEndMs,
} from './invocation.ts';
import { InvocationBook, isSettled, isWritten } from './invocation-book.ts';
import { ReleaseQueue } from './release-queue.ts';
import { connectionRef, outcomeWithoutPartner, type PartRoute, routePart } from './route-part.ts';
import { SilentUnits } from './silent-units.ts';
import {
  type ConnectionDecision,
  drop,
  put,
  putInvocation,
  readConnection,
  readInvocation,
  readWaiting,
  STATE_KINDS,
  type WaitingBody,
} from './state-rows.ts';
import { type Waiting, WaitingRoom, type WaitingRoute } from './waiting-room.ts';

/** All times in milliseconds. */
export interface CorrelateSettings {
  /** Longest a line waits, from when it was read. */
  readonly maxHoldMs: number;
  /** How long a record may still be revised by a partner that comes late. */
  readonly latenessMs: number;
  /** How far two hosts' clocks may differ. */
  readonly skewMs: number;
  /** Longest a request takes: bounds how much later than its authorizer a line can be. */
  readonly longestRequestMs: number;
  /** How long a WebSocket connection can live (API Gateway: two hours). */
  readonly longestConnectionMs: number;
  readonly bodiesInMemory: number;
  readonly invocationsInMemory: number;
}

export const defaultCorrelateSettings: CorrelateSettings = {
  maxHoldMs: 300_000,
  latenessMs: 86_400_000,
  skewMs: 50,
  longestRequestMs: 30_000,
  longestConnectionMs: 7_200_000,
  bodiesInMemory: 5_000,
  invocationsInMemory: 10_000,
};

/** Which groups belong together, from the inventory. */
export interface Topology {
  /** Units of the access logs whose lines may name an invocation of this authorizer unit. */
  accessUnitsOf(authorizerUnit: string): readonly string[];
  /** The stage an invocation belongs to when nothing but its function is known. */
  stageOf(authorizerUnit: string): { readonly stage: StageRef; readonly kind: AuthorizerKind | 'unknown' };
}

export interface CorrelateBatch {
  readonly unit: string;
  readonly parts: readonly LogPart[];
  readonly nowMs: number;
  /**
   * Event time through which a unit is read whole, less its lag allowance; undefined for a unit nobody reads. With
   * `atMs`: as it counts for a line of that time, which may lie in a span of the past that is read beside live reading.
   */
  readonly watermarkOf: (unit: string, atMs?: number) => number | undefined;
}

export interface Correlation {
  readonly records: readonly JournalRecord[];
  readonly state: readonly StateChange[];
  readonly unparsed: number;
  /** Filtered lines by rule. */
  readonly filtered: ReadonlyMap<string, number>;
}

type CorrelationStore = Pick<Journal, 'state' | 'allState' | 'bodies'>;

/** An access line may end a moment before its authorizer's REPORT line is stamped. */
const RELEASE_SLACK_MS = 1_000;
/** How long a line that left on thin evidence (a client-settable id, a silent invocation) stays open to more of it. */
const HORIZON_HOLDS = 3;
/** Longest an authorizer's result may be cached (API Gateway: 3600 s). */
const LONGEST_TTL_MS = 3_600_000;

/**
 * Joins access lines with the decisions behind them, one committed batch at a time. State is rebuilt from the journal on
 * start and after a failed commit (`reset`), so that memory never runs ahead of the disk.
 *
 *   access line ──routePart──► done ─────────────────────────────► record
 *                    └───────► waits for invocation / gateway id / connection
 *                                 ├─ partner complete ───────────► record
 *                                 └─ watermark or hold passes ───► record without partner, kept `left`
 *                                                                    └─ partner comes late ─► revision
 *   authorizer line ─► invocation ─ unclaimed when access watermark passes ─► authorizer_only record
 */
export class Correlator {
  readonly #store: CorrelationStore;
  readonly #settings: CorrelateSettings;
  readonly #topology: () => Topology;
  readonly #waiting = new WaitingRoom();
  readonly #connections = new Map<string, ConnectionDecision>();
  readonly #queues = new Map<string, ReleaseQueue>();
  #invocations = new InvocationBook();
  #deadlines = new ReleaseQueue();
  #expiries = new ReleaseQueue();
  #step = newStep();
  #spillOrder: Waiting[] = [];
  readonly #silent = new SilentUnits();

  constructor(options: {
    readonly store: CorrelationStore;
    readonly settings: CorrelateSettings;
    readonly topology: () => Topology;
  }) {
    this.#store = options.store;
    this.#settings = options.settings;
    this.#topology = options.topology;
  }

  /** Lines that wait for a partner, those that already left included. */
  get pending(): number {
    return this.#waiting.size;
  }

  get invocationsInMemory(): number {
    return this.#invocations.size;
  }

  /** Rebuilds memory from the journal. Call once at start, and after a commit that failed. */
  async reset(): Promise<void> {
    this.#waiting.clear();
    this.#connections.clear();
    this.#queues.clear();
    this.#deadlines = new ReleaseQueue();
    this.#expiries = new ReleaseQueue();
    this.#step = newStep();
    this.#spillOrder = [];
    let known = false;
    this.#invocations = new InvocationBook();
    for await (const row of this.#store.allState(STATE_KINDS.connection)) {
      this.#connections.set(row.key, readConnection(row.body));
      known = true;
    }
    for await (const row of this.#store.allState(STATE_KINDS.openInvocation)) {
      const invocation = readInvocation(row.body);
      invocation.stored = STATE_KINDS.openInvocation;
      this.#invocations.add(invocation);
      this.#scheduleInvocation(invocation);
      known = true;
    }
    for await (const row of this.#store.allState(STATE_KINDS.waiting)) {
      this.#restoreWaiting(row.key, readWaiting(row.body));
      known = true;
    }
    if (known || (await this.#hasSettledInvocations())) this.#invocations.markForgetful();
    this.#trimBodies();
  }

  async #hasSettledInvocations(): Promise<boolean> {
    for await (const _row of this.#store.allState(STATE_KINDS.invocation)) return true;
    return false;
  }

  /** Takes one batch in and returns what became of it and of everything it set free. Commit it, then call `committed`. */
  async process(batch: CorrelateBatch): Promise<Correlation> {
    this.#step = newStep();
    await this.#loadNamed(batch.parts);
    for (const part of batch.parts) this.#take(part, batch.nowMs);
    await this.#settleTouched(batch);
    await this.#release(batch);
    await this.#reviseClaims();
    return this.#finish(batch.nowMs);
  }

  /** The last result is on disk: bodies and settled invocations above the memory bounds may go. */
  committed(nowMs: number): void {
    this.#trimBodies();
    this.#invocations.trim(this.#settings.invocationsInMemory, nowMs, this.#openForMs);
  }

  get #openForMs(): number {
    return HORIZON_HOLDS * this.#settings.maxHoldMs;
  }

  // -- taking lines in ------------------------------------------------------------------------------------------------

  async #loadNamed(parts: readonly LogPart[]): Promise<void> {
    const keys = new Set<string>();
    for (const part of parts) {
      if (part.role === 'authorizer') keys.add(invocationKey(part.unit, part.lambdaRequestId));
      else if (part.role === 'access' && part.authorizerUnit !== undefined) {
        for (const id of [part.authzRequestId, part.authorizerRequestId]) {
          if (id !== undefined) keys.add(invocationKey(part.authorizerUnit, id));
        }
      }
    }
    await this.#loadInvocations(keys);
  }

  async #loadInvocations(keys: Iterable<string>): Promise<void> {
    const missing = this.#invocations.missing(keys);
    if (missing.length === 0) return;
    for (const kind of [STATE_KINDS.invocation, STATE_KINDS.openInvocation]) {
      for (const body of (await this.#store.state(kind, missing)).values()) {
        const invocation = readInvocation(body);
        invocation.stored = kind;
        this.#invocations.add(invocation);
      }
    }
  }

  #take(part: LogPart, nowMs: number): void {
    switch (part.role) {
      case 'access':
        this.#step.arrivals.push({ part, readMs: nowMs });
        return;
      case 'authorizer':
        this.#takeAuthorizerLine(part, nowMs);
        return;
      case 'unparsed':
        this.#step.unparsed += 1;
        this.#write(assembleUnparsed(part, nowMs));
        return;
      case 'filtered':
        this.#step.filtered.set(part.rule, (this.#step.filtered.get(part.rule) ?? 0) + 1);
    }
  }

  #takeAuthorizerLine(line: AuthorizerLinePart, nowMs: number): void {
    const key = invocationKey(line.unit, line.lambdaRequestId);
    let invocation = this.#invocations.get(key);
    const fresh = invocation === undefined;
    if (invocation === undefined) {
      invocation = newInvocation(line, nowMs);
    }
    addLine(invocation, line);
    this.#silent.observe(line);
    if (fresh) {
      this.#invocations.add(invocation);
      this.#scheduleInvocation(invocation);
    } else {
      this.#invocations.index(invocation);
    }
    this.#step.touched.add(invocation);
  }

  /** After all authorizer lines of the batch stand, access lines are admitted and waiting ones are looked at again. */
  async #settleTouched(batch: CorrelateBatch): Promise<void> {
    for (const { part, readMs } of this.#step.arrivals) this.#admit(part, readMs);
    const ready: Waiting[] = [];
    const gatewayRefs = new Set<string>();
    for (const invocation of this.#step.touched) {
      if (this.#isTelling(invocation)) ready.push(...this.#waiting.waitingFor('named', invocation.key));
      if (invocation.gatewayRequestId !== undefined) {
        const ref = gatewayRefOf(invocation);
        if (this.#waiting.waitingFor('gateway', ref).some((entry) => entry.left)) gatewayRefs.add(ref);
      }
    }
    await this.#settleNamed(ready, batch.nowMs);
    for (const ref of gatewayRefs) this.#step.gatewayRefs.add(ref);
    await this.#settleConnections();
  }

  #admit(part: AccessPart, readMs: number): void {
    const recordId = accessRecordId(part);
    const verdict = decideByLine(part);
    const route = routePart(part, verdict);
    if (route.mode === 'done') {
      const side = accessSideOf(part, recordId, verdict, readMs);
      const record = assembleRequest(side, { outcome: route.outcome, joinKey: 'none' });
      this.#write(record);
      this.#rememberConnection(part, record);
      return;
    }
    if (route.mode === 'named' && this.#admitNamed(part, recordId, route, readMs)) return;
    const entry = this.#newWaiting(part, recordId, route, readMs);
    // Read again (a span of the past, after its seen keys were forgotten): it would wait beside itself.
    if (this.#waiting.get(entry.key) !== undefined) return;
    this.#waiting.add(entry);
    this.#step.arrivedNow.add(entry);
    this.#step.waitingChanged.add(entry);
    this.#schedule(entry);
    if (route.mode === 'connection' && this.#connections.has(route.ref))
      this.#step.connectionRefs.add(route.ref);
    if (route.mode === 'gateway') this.#step.gatewayArrivals.add(route.ref);
  }

  /** The common case: the invocation is there and whole, so the line never waits. */
  #admitNamed(
    part: AccessPart,
    recordId: string,
    route: Extract<PartRoute, { mode: 'named' }>,
    readMs: number,
  ): boolean {
    const invocation = this.#invocations.get(route.ref);
    if (invocation === undefined || !this.#isTelling(invocation)) return false;
    this.#writeNamed(part, recordId, route.joinKey, invocation, readMs);
    return true;
  }

  #newWaiting(part: AccessPart, recordId: string, route: WaitingRoute, readMs: number): Waiting {
    const { account, region, logGroup, eventId } = part.source;
    return {
      key: `${recordId}\n${eventId}`,
      recordId,
      unit: `logs:${account}:${region}:${logGroup}`,
      authorizerUnit: part.authorizerUnit,
      route,
      endMs: requestEndMs(part),
      readMs,
      part,
      left: false,
      writtenEventId: undefined,
      expiresMs: 0,
    };
  }

  #restoreWaiting(key: string, body: WaitingBody): void {
    const { part, readMs } = body;
    const route = routePart(part, decideByLine(part));
    if (route.mode === 'done') return;
    const entry = this.#newWaiting(part, accessRecordId(part), route, readMs);
    entry.left = body.left;
    entry.expiresMs = body.expiresMs;
    this.#waiting.add(entry);
    this.#spillOrder.push(entry);
    if (entry.left) this.#expiries.push(entry.expiresMs, key);
    else this.#schedule(entry);
  }

  // -- joining --------------------------------------------------------------------------------------------------------

  #writeNamed(
    part: AccessPart,
    recordId: string,
    joinKey: JoinKey,
    invocation: Invocation,
    readMs: number,
  ): RequestRecord {
    const side = accessSideOf(part, recordId, decideByLine(part), readMs);
    const conflicting = this.#isConflicting(part, side, invocation);
    if (conflicting) this.#giveUpClaim(recordId, invocation);
    const joined: Joined = conflicting
      ? { outcome: 'ambiguous', joinKey: 'none' }
      : this.#joinNamed(part, side, joinKey, invocation);
    const record = assembleRequest(side, joined);
    this.#write(record);
    this.#rememberConnection(part, record);
    return record;
  }

  /** A claim made before the contradiction was read falls; the invocation is free for another line, or goes out alone. */
  #giveUpClaim(recordId: string, invocation: Invocation): void {
    if (invocation.claim?.recordId !== recordId) return;
    invocation.claim = undefined;
    this.#invocations.index(invocation);
    this.#step.touched.add(invocation);
    this.#scheduleInvocation(invocation);
    if (invocation.gatewayRequestId !== undefined) this.#step.gatewayRefs.add(gatewayRefOf(invocation));
  }

  /** Two keys that name two known invocations, or a deny behind a request that got through: never merged. */
  #isConflicting(part: AccessPart, side: AccessSide, invocation: Invocation): boolean {
    if (side.verdict.decision === 'allow' && invocation.decision === 'deny') return true;
    const other = part.authorizerRequestId;
    if (other === undefined || other === invocation.lambdaRequestId) return false;
    return this.#invocations.get(invocationKey(invocation.unit, other)) !== undefined;
  }

  #joinNamed(part: AccessPart, side: AccessSide, joinKey: JoinKey, invocation: Invocation): Joined {
    const failed = side.verdict.decision === 'error';
    const decider = deciderOf(invocation);
    if (!this.#claims(part, side, joinKey, invocation)) {
      return { outcome: failed ? 'authorizer_error' : 'cached_decision', joinKey, decider };
    }
    return { outcome: failed ? 'authorizer_error' : 'matched', joinKey, decider, invocation };
  }

  /** Lets the line claim the invocation when it ran inside the request and no better claim stands. */
  #claims(part: AccessPart, side: AccessSide, joinKey: JoinKey, invocation: Invocation): boolean {
    if (!this.#fits(part, side.verdict.decision === 'error', invocation)) return false;
    const claim: Claim = {
      recordId: side.recordId,
      joinKey,
      verdict: side.verdict,
      own: ownIdentity(part),
      echoed: part.authzApigwRequestId !== undefined && part.authzApigwRequestId === part.fields.requestId,
      requestStartMs: part.startMs,
    };
    const standing = invocation.claim;
    if (standing !== undefined && standing.recordId !== claim.recordId) {
      if (!isBetterClaim(claim, standing)) return false;
      if (standing.joinKey === 'gateway_request_id') this.#step.gatewayRefs.add(gatewayRefOf(invocation));
      else this.#step.demoted.push({ claim: standing, invocation });
    }
    invocation.claim = claim;
    this.#invocations.index(invocation);
    this.#step.touched.add(invocation);
    return true;
  }

  /** A gateway that gave up on a slow function answers before the function ends: for failures the start decides. */
  #fits(part: AccessPart, failed: boolean, invocation: Invocation): boolean {
    if (containsInvocation(part, invocation, this.#settings.skewMs)) return true;
    if (!failed) return false;
    const slack = this.#settings.skewMs + part.startResolutionMs;
    return (
      part.startMs - this.#settings.skewMs <= invocation.startMs &&
      invocation.startMs <= requestEndMs(part) + slack
    );
  }

  async #settleNamed(entries: readonly Waiting[], nowMs: number): Promise<void> {
    await this.#loadBodies(entries);
    this.#reopenClaims(entries);
    for (const entry of entries) {
      const { part, route } = entry;
      if (part === undefined || route.mode !== 'named') continue;
      const invocation = this.#invocations.get(route.ref);
      if (invocation === undefined) {
        this.#leave(entry, part, nowMs);
        continue;
      }
      this.#writeNamed(part, entry.recordId, route.joinKey, invocation, entry.readMs);
      if (this.#isTelling(invocation)) this.#done(entry);
      else this.#keepLeft(entry, nowMs + this.#openForMs);
    }
  }

  /** Lines that left on thin evidence compete again once there is more: none keeps what it claimed too early. */
  #reopenClaims(entries: readonly Waiting[]): void {
    for (const { route, recordId } of entries) {
      const invocation = route.mode === 'named' ? this.#invocations.get(route.ref) : undefined;
      if (invocation !== undefined) this.#giveUpClaim(recordId, invocation);
    }
  }

  /**
   * Nothing more to wait for: the invocation has ended and said what it decided. The line that says so can be read after
   * the REPORT line; functions that never say so are known by their past.
   */
  #isTelling(invocation: Invocation): boolean {
    if (!invocation.complete) return false;
    return invocation.decision !== undefined || this.#silent.isSilent(invocation.unit);
  }

  /** Goes out without its partner, and stays findable for as long as the partner may still come. */
  #leave(entry: Waiting, part: AccessPart, nowMs: number): void {
    const verdict = decideByLine(part);
    const side = accessSideOf(part, entry.recordId, verdict, entry.readMs);
    this.#writeOnce(
      entry,
      assembleRequest(side, { outcome: outcomeWithoutPartner(verdict), joinKey: 'none' }),
    );
    this.#keepLeft(entry, nowMs + this.#settings.latenessMs);
  }

  #keepLeft(entry: Waiting, expiresMs: number): void {
    if (entry.left) return;
    entry.left = true;
    entry.expiresMs = expiresMs;
    this.#expiries.push(expiresMs, entry.key);
    this.#step.waitingChanged.add(entry);
  }

  #done(entry: Waiting): void {
    this.#waiting.remove(entry);
    this.#step.waitingChanged.add(entry);
    this.#step.waitingDone.add(entry);
  }

  async #settleGatewayGroup(ref: string, nowMs: number): Promise<void> {
    const entries = this.#waiting.waitingFor('gateway', ref);
    await this.#loadBodies(entries);
    const lines = entries.flatMap((entry) =>
      entry.part === undefined ? [] : [{ key: entry.key, part: entry.part, entry }],
    );
    const invocations = this.#invocations.byGatewayRef(ref);
    for (const invocation of invocations) this.#giveUpGatewayClaim(invocation);
    const matches = matchByGatewayId(lines, invocations, (part, invocation) =>
      this.#fits(part, decideByLine(part).decision === 'error', invocation),
    );
    for (const { part, entry } of lines) {
      const match = matches.get(entry.key) ?? { kind: 'none' };
      const verdict = decideByLine(part);
      const side = accessSideOf(part, entry.recordId, verdict, entry.readMs);
      if (match.kind === 'matched') this.#claimByGatewayId(part, side, match.invocation);
      if (match.kind === 'ambiguous') this.#disclaim(match.candidates, side.recordId);
      this.#writeOnce(entry, assembleRequest(side, joinedByGatewayId(match, verdict)));
      this.#keepLeft(entry, nowMs + this.#openForMs);
    }
  }

  #claimByGatewayId(part: AccessPart, side: AccessSide, invocation: Invocation): void {
    invocation.ambiguous = false;
    invocation.claim = {
      recordId: side.recordId,
      joinKey: 'gateway_request_id',
      verdict: side.verdict,
      own: ownIdentity(part),
      echoed: false,
      requestStartMs: part.startMs,
    };
    this.#step.touched.add(invocation);
  }

  /** A group is settled as a whole: no pair of an earlier settling outlives a line that changed its group. */
  #giveUpGatewayClaim(invocation: Invocation): void {
    if (invocation.claim === undefined) return;
    invocation.claim = undefined;
    this.#step.touched.add(invocation);
    this.#scheduleInvocation(invocation);
  }

  #disclaim(candidates: readonly Invocation[], recordId: string): void {
    for (const invocation of candidates) {
      invocation.ambiguous = true;
      if (invocation.claim?.recordId === recordId || invocation.claim?.joinKey === 'gateway_request_id') {
        invocation.claim = undefined;
      }
      this.#step.touched.add(invocation);
      this.#scheduleInvocation(invocation);
    }
  }

  // -- connections ----------------------------------------------------------------------------------------------------

  #rememberConnection(part: AccessPart, record: RequestRecord): void {
    const ref = connectionRef(part);
    if (ref === undefined || (part.fields.route !== '$connect' && part.fields.eventType !== 'CONNECT'))
      return;
    if (record.outcome === 'access_only' || record.outcome === 'ambiguous') return;
    // A connection of the past is read now: its messages are still to come.
    const sinceMs = Math.max(record.eventMs, record.readMs);
    const expiresMs = sinceMs + this.#settings.longestConnectionMs + this.#settings.latenessMs;
    const decision: ConnectionDecision = { decider: deciderOfRecord(record), expiresMs };
    this.#connections.set(ref, decision);
    this.#step.connectionsChanged.set(ref, decision);
    this.#step.connectionRefs.add(ref);
  }

  async #settleConnections(): Promise<void> {
    for (const ref of this.#step.connectionRefs) {
      const decision = this.#connections.get(ref);
      if (decision === undefined) continue;
      const entries = this.#waiting.waitingFor('connection', ref);
      await this.#loadBodies(entries);
      for (const entry of entries) {
        if (entry.part === undefined) continue;
        const side = accessSideOf(entry.part, entry.recordId, decideByLine(entry.part), entry.readMs);
        const joined: Joined = {
          outcome: 'connection_decision',
          joinKey: 'connection_id',
          decider: decision.decider,
        };
        this.#write(assembleRequest(side, joined));
        this.#done(entry);
      }
    }
    this.#step.connectionRefs.clear();
  }

  // -- letting go -----------------------------------------------------------------------------------------------------

  #queue(unit: string): ReleaseQueue {
    let queue = this.#queues.get(unit);
    if (queue === undefined) {
      queue = new ReleaseQueue();
      this.#queues.set(unit, queue);
    }
    return queue;
  }

  #schedule(entry: Waiting): void {
    this.#queue(queueUnitOf(entry)).push(entry.endMs + RELEASE_SLACK_MS, `w${entry.key}`);
    this.#deadlines.push(entry.readMs + this.#settings.maxHoldMs, `w${entry.key}`);
  }

  #scheduleInvocation(invocation: Invocation): void {
    this.#queue(invocation.unit).push(this.#invocationDueMs(invocation), `i${invocation.key}`);
    this.#deadlines.push(invocation.readMs + this.#settings.maxHoldMs, `i${invocation.key}`);
  }

  #invocationDueMs(invocation: Invocation): number {
    return invocation.endMs + this.#settings.longestRequestMs + RELEASE_SLACK_MS;
  }

  async #release(batch: CorrelateBatch): Promise<void> {
    const named: Waiting[] = [];
    const lonely: Invocation[] = [];
    for (const ref of this.#step.gatewayArrivals) {
      // A line that comes after its group was settled contradicts or completes it.
      if (this.#waiting.waitingFor('gateway', ref).some((entry) => entry.left))
        this.#step.gatewayRefs.add(ref);
    }
    for (const [unit, queue] of this.#queues) {
      const watermark = batch.watermarkOf(unit);
      if (watermark === undefined) continue;
      for (const item of queue.popBefore(watermark)) this.#sort(item, batch, named, lonely, false);
    }
    for (const item of this.#deadlines.popBefore(batch.nowMs)) this.#sort(item, batch, named, lonely, true);
    // Only now: live reading may be far beyond a line of the past, whose queue would be popped for ever.
    for (const { unit, dueMs, item } of this.#step.awaiting) this.#queue(unit).push(dueMs, item);
    await this.#settleNamed(named, batch.nowMs);
    for (const ref of this.#step.gatewayRefs) await this.#settleGatewayGroup(ref, batch.nowMs);
    await this.#settleConnections();
    await this.#leaveOverdueConnections(batch.nowMs);
    for (const invocation of lonely) this.#writeLonely(invocation);
    this.#expire(batch.nowMs);
  }

  /** Sees whether a queued item may go: every group that could still bring its partner has been read past it. */
  #sort(item: string, batch: CorrelateBatch, named: Waiting[], lonely: Invocation[], overdue: boolean): void {
    const key = item.slice(1);
    if (item.startsWith('i')) {
      const invocation = this.#invocations.get(key);
      if (invocation === undefined || invocation.claim !== undefined || invocation.ownRecordId !== undefined)
        return;
      const due = this.#invocationDueMs(invocation);
      const units = [invocation.unit, ...this.#topology().accessUnitsOf(invocation.unit)];
      if (overdue || !this.#awaits(units, due, item, batch)) lonely.push(invocation);
      return;
    }
    const entry = this.#waiting.get(key);
    if (entry === undefined || entry.left) return;
    const due = entry.endMs + RELEASE_SLACK_MS;
    if (entry.route.mode === 'gateway') {
      if (overdue || !this.#awaits([entry.unit], due, item, batch))
        this.#step.gatewayRefs.add(entry.route.ref);
    } else if (entry.route.mode === 'named') {
      if (overdue || !this.#awaits([queueUnitOf(entry)], due, item, batch)) named.push(entry);
    } else if (overdue) this.#step.overdueConnections.push(entry);
  }

  /** Queues the item behind the first unit that has not been read past `dueMs`; false when none is behind. */
  #awaits(units: readonly string[], dueMs: number, item: string, batch: CorrelateBatch): boolean {
    for (const unit of units) {
      const watermark = batch.watermarkOf(unit, dueMs);
      if (watermark !== undefined && watermark <= dueMs) {
        this.#step.awaiting.push({ unit, dueMs, item });
        return true;
      }
    }
    return false;
  }

  #writeLonely(invocation: Invocation): void {
    if (isWritten(invocation)) return;
    const { stage, kind } = this.#topology().stageOf(invocation.unit);
    const outcome = invocation.ambiguous ? 'ambiguous' : 'authorizer_only';
    const record = assembleInvocation(invocation, outcome, stage, kind, undefined);
    invocation.ownRecordId = record.recordId;
    this.#write(record);
    this.#step.touched.add(invocation);
  }

  #expire(nowMs: number): void {
    for (const key of this.#expiries.popBefore(nowMs)) {
      const entry = this.#waiting.get(key);
      if (entry !== undefined) this.#done(entry);
    }
    for (const [ref, decision] of this.#connections) {
      if (decision.expiresMs >= nowMs) break;
      this.#connections.delete(ref);
    }
  }

  // -- revising -------------------------------------------------------------------------------------------------------

  /**
   * Writes records again that this batch changed without touching their line: a claimed invocation got a late line, lost
   * its line to a better one, or had gone out alone.
   */
  async #reviseClaims(): Promise<void> {
    for (const { claim, invocation } of this.#step.demoted) {
      const failed = claim.verdict.decision === 'error';
      const joined: Joined = {
        outcome: failed ? 'authorizer_error' : 'cached_decision',
        joinKey: claim.joinKey,
        decider: deciderOf(invocation),
      };
      await this.#rewrite(claim, joined);
    }
    for (const invocation of this.#step.touched) {
      const { claim } = invocation;
      if (claim === undefined) {
        if (invocation.ownRecordId !== undefined) this.#rewriteLonely(invocation);
        continue;
      }
      if (invocation.ownRecordId !== undefined) this.#supersede(invocation, claim.recordId);
      if (this.#step.records.has(claim.recordId)) continue;
      const failed = claim.verdict.decision === 'error';
      await this.#rewrite(claim, {
        outcome: failed ? 'authorizer_error' : 'matched',
        joinKey: claim.joinKey,
        decider: deciderOf(invocation),
        invocation,
      });
    }
  }

  async #rewrite(claim: Claim, joined: Joined): Promise<void> {
    const standing =
      this.#step.records.get(claim.recordId) ??
      (await this.#store.bodies([claim.recordId])).get(claim.recordId);
    if (standing === undefined || standing.kind !== 'request') return;
    this.#write(assembleRequest(accessSideOfRecord(standing, claim), joined));
  }

  #rewriteLonely(invocation: Invocation): void {
    const { stage, kind } = this.#topology().stageOf(invocation.unit);
    const outcome = invocation.ambiguous ? 'ambiguous' : 'authorizer_only';
    this.#write(assembleInvocation(invocation, outcome, stage, kind, undefined));
  }

  #supersede(invocation: Invocation, recordId: string): void {
    const { stage, kind } = this.#topology().stageOf(invocation.unit);
    this.#write(assembleInvocation(invocation, 'authorizer_only', stage, kind, recordId));
  }

  async #leaveOverdueConnections(nowMs: number): Promise<void> {
    const entries = this.#step.overdueConnections.filter((entry) => this.#waiting.get(entry.key) === entry);
    await this.#loadBodies(entries);
    for (const entry of entries) {
      if (entry.part !== undefined && !entry.left) this.#leave(entry, entry.part, nowMs);
    }
  }

  // -- results --------------------------------------------------------------------------------------------------------

  #write(record: JournalRecord): void {
    this.#step.records.delete(record.recordId);
    this.#step.records.set(record.recordId, record);
  }

  #writeOnce(entry: Waiting, record: RequestRecord): void {
    if (entry.writtenEventId === record.eventId) return;
    entry.writtenEventId = record.eventId;
    this.#write(record);
  }

  async #loadBodies(entries: readonly Waiting[]): Promise<void> {
    const spilled = entries.filter((entry) => entry.part === undefined);
    if (spilled.length === 0) return;
    const rows = await this.#store.state(
      STATE_KINDS.waiting,
      spilled.map((entry) => entry.key),
    );
    for (const entry of spilled) {
      const body = rows.get(entry.key);
      if (body !== undefined) this.#waiting.restore(entry, readWaiting(body).part);
    }
  }

  #finish(nowMs: number): Correlation {
    const step = this.#step;
    const state: StateChange[] = [];
    for (const entry of step.waitingChanged) {
      if (!step.waitingDone.has(entry)) this.#pushWaiting(entry, state, nowMs);
      else if (!step.arrivedNow.has(entry)) state.push(drop(STATE_KINDS.waiting, entry.key));
    }
    for (const invocation of step.touched) this.#pushInvocation(invocation, state, nowMs);
    for (const [ref, decision] of step.connectionsChanged) {
      state.push(put(STATE_KINDS.connection, ref, decision, decision.expiresMs));
    }
    return { records: [...step.records.values()], state, unparsed: step.unparsed, filtered: step.filtered };
  }

  #pushWaiting(entry: Waiting, state: StateChange[], nowMs: number): void {
    if (entry.part === undefined) return;
    const expiresMs = entry.left ? entry.expiresMs : 0;
    const body: WaitingBody = { part: entry.part, readMs: entry.readMs, left: entry.left, expiresMs };
    state.push(put(STATE_KINDS.waiting, entry.key, body, expiresMs === 0 ? 0 : Math.max(expiresMs, nowMs)));
    this.#spillOrder.push(entry);
  }

  #pushInvocation(invocation: Invocation, state: StateChange[], nowMs: number): void {
    const settled = isSettled(invocation, nowMs, this.#openForMs);
    const sinceMs = Math.max(invocation.endMs, nowMs);
    const expiresMs = sinceMs + LONGEST_TTL_MS + this.#settings.latenessMs;
    const kind = settled ? STATE_KINDS.invocation : STATE_KINDS.openInvocation;
    state.push(putInvocation(kind, invocation, expiresMs));
    const other = settled ? STATE_KINDS.openInvocation : STATE_KINDS.invocation;
    if (invocation.stored === other) state.push(drop(other, invocation.key));
    invocation.stored = kind;
  }

  #trimBodies(): void {
    while (this.#waiting.bodiesInMemory > this.#settings.bodiesInMemory) {
      const entry = this.#spillOrder.shift();
      if (entry === undefined) return;
      if (this.#waiting.get(entry.key) === entry) this.#waiting.spill(entry);
    }
    if (this.#spillOrder.length > 4 * this.#settings.bodiesInMemory) {
      this.#spillOrder = this.#spillOrder.filter(
        (entry) => entry.part !== undefined && this.#waiting.get(entry.key) === entry,
      );
    }
  }
}

/** Whose reading lets the line go. */
function queueUnitOf(entry: Waiting): string {
  return entry.route.mode === 'connection' ? entry.unit : (entry.authorizerUnit ?? entry.unit);
}

function gatewayRefOf(invocation: Invocation): string {
  return `${invocation.unit}\n${invocation.gatewayRequestId ?? ''}`;
}

interface Step {
  readonly arrivals: { part: AccessPart; readMs: number }[];
  readonly arrivedNow: Set<Waiting>;
  readonly touched: Set<Invocation>;
  readonly records: Map<string, JournalRecord>;
  readonly waitingChanged: Set<Waiting>;
  readonly waitingDone: Set<Waiting>;
  readonly connectionsChanged: Map<string, ConnectionDecision>;
  readonly connectionRefs: Set<string>;
  readonly overdueConnections: Waiting[];
  readonly gatewayArrivals: Set<string>;
  readonly gatewayRefs: Set<string>;
  readonly demoted: { claim: Claim; invocation: Invocation }[];
  readonly filtered: Map<string, number>;
  readonly awaiting: { unit: string; dueMs: number; item: string }[];
  unparsed: number;
}

function newStep(): Step {
  return {
    arrivals: [],
    arrivedNow: new Set(),
    touched: new Set(),
    records: new Map(),
    waitingChanged: new Set(),
    waitingDone: new Set(),
    connectionsChanged: new Map(),
    connectionRefs: new Set(),
    overdueConnections: [],
    gatewayArrivals: new Set(),
    gatewayRefs: new Set(),
    demoted: [],
    filtered: new Map(),
    awaiting: [],
    unparsed: 0,
  };
}
