import type { AccessPart, AuthorizerLinePart } from '../model/part.ts';
import type { CustomerSource, JoinKey } from '../model/request-record.ts';
import type { SourceRef } from '../model/source-event.ts';
import type { LineVerdict } from './decide.ts';

/** One application line as it stands in the invocation. */
export interface InvocationText {
  readonly atMs: number;
  readonly eventId: string;
  readonly text: string;
}

/** From when to when a request lasted. */
export interface RequestSpan {
  readonly requestStartMs: number;
  /** How long it lasted. */
  readonly requestMs: number;
  /** How coarse the start is; absent: 1 ms. */
  readonly resolutionMs?: number;
}

/**
 * An access line that an invocation may have been made for, how well it fits, and what that line said by itself, so that
 * its record can be written again when a late line of the invocation arrives, or another line loses the invocation to it.
 */
export interface Claim extends RequestSpan {
  readonly recordId: string;
  readonly joinKey: JoinKey;
  readonly verdict: LineVerdict;
  readonly own: OwnIdentity;
  /** True when the line echoes the very gateway request id that the authorizer saw. */
  readonly isEchoed?: boolean;
  /** True when the line names another invocation as well, which is known. */
  readonly isTorn?: boolean;
}

/** Who the line itself names, before any decision is joined. */
export interface OwnIdentity {
  readonly principal?: string;
  readonly customer?: string;
  readonly customerSource?: CustomerSource;
}

/**
 * One Lambda request id: all its lines. Begun at START, complete at REPORT or timeout. Once a record has them all, the
 * lines themselves are let go of (`linesInRecord`) and read back from that record when a late line or a better claim
 * needs them.
 */
export interface Invocation {
  readonly key: string;
  readonly unit: string;
  readonly lambdaRequestId: string;
  /** The log group its lines came from. */
  readonly origin: Origin;
  startMs: number;
  endMs: number;
  begun: boolean;
  complete: boolean;
  decision: 'allow' | 'deny' | 'error' | undefined;
  reason: string | undefined;
  principal: string | undefined;
  customer: string | undefined;
  customerSource: CustomerSource | undefined;
  gatewayRequestId: string | undefined;
  connectionId: string | undefined;
  durationMs: number | undefined;
  sources: SourceRef[];
  texts: InvocationText[];
  /**
   * Set while `sources` and `texts` are empty because the claiming record has them: which of that record's authorizer
   * parts, counted from 0, have a text.
   */
  linesInRecord: readonly number[] | undefined;
  claim: Claim | undefined;
  /**
   * Other lines that name it and may have caused it, or contradict it: when the claim falls, or more is known of the
   * invocation, it is theirs before any line can have it that shares no more than a gateway request id.
   */
  rivals: readonly Claim[] | undefined;
  /** Set once an `authorizer_only` (or `ambiguous`) record of its own was written. */
  ownRecordId: string | undefined;
  ambiguous: boolean;
  readMs: number;
  /** Under which state kind the journal has it; undefined while it has not. */
  stored: string | undefined;
}

export type Origin = Pick<SourceRef, 'account' | 'region' | 'logGroup'>;

export function invocationKey(unit: string, lambdaRequestId: string): string {
  return `${unit}\n${lambdaRequestId}`;
}

/** Keys of the invocations that a line names. */
export function namedBy({ authorizerUnit, authzRequestId, authorizerRequestId }: AccessPart): string[] {
  if (authorizerUnit === undefined) return [];
  const keys = authzRequestId === undefined ? [] : [invocationKey(authorizerUnit, authzRequestId)];
  if (authorizerRequestId !== undefined && authorizerRequestId !== authzRequestId)
    keys.push(invocationKey(authorizerUnit, authorizerRequestId));
  return keys;
}

/** What lines and invocations under one gateway request id have in common. */
export function gatewayRef(unit: string, gatewayRequestId: string): string {
  return `${unit}\n${gatewayRequestId}`;
}

export function gatewayRefOf({ unit, gatewayRequestId }: Invocation): string | undefined {
  return gatewayRequestId === undefined ? undefined : gatewayRef(unit, gatewayRequestId);
}

/** True once a line claims it that names it: no line that merely shares a gateway request id can have it any more. */
export function isClaimedByName({ claim }: Invocation): boolean {
  return claim !== undefined && claim.joinKey !== 'gateway_request_id';
}

/** What lines have yet to tell of an invocation. JSON drops such fields, so a row read back starts from here as well. */
export const NOTHING_KNOWN = {
  decision: undefined,
  reason: undefined,
  principal: undefined,
  customer: undefined,
  customerSource: undefined,
  gatewayRequestId: undefined,
  connectionId: undefined,
  durationMs: undefined,
  claim: undefined,
  rivals: undefined,
  ownRecordId: undefined,
  linesInRecord: undefined,
  stored: undefined,
};

export function newInvocation(line: AuthorizerLinePart, readMs: number): Invocation {
  return {
    key: invocationKey(line.unit, line.lambdaRequestId),
    unit: line.unit,
    lambdaRequestId: line.lambdaRequestId,
    origin: originOf(line.source),
    startMs: line.source.timestampMs,
    endMs: line.source.timestampMs,
    begun: false,
    complete: false,
    sources: [],
    texts: [],
    ambiguous: false,
    readMs,
    ...NOTHING_KNOWN,
  };
}

export function originOf({ account, region, logGroup }: Origin): Origin {
  return { account, region, logGroup };
}

/**
 * Adds one line, in whatever order lines arrive: the result depends on the set of lines alone. Where two lines differ on
 * a field, the one with the earlier time (then the smaller event id) wins; an error outranks every other decision. A line
 * that was added before (a span of the past read again) adds nothing.
 */
export function addLine(invocation: Invocation, line: AuthorizerLinePart): void {
  if (invocation.sources.some((known) => isSameEvent(known, line.source))) return;
  const at = line.source.timestampMs;
  invocation.startMs = Math.min(invocation.startMs, at);
  invocation.endMs = Math.max(invocation.endMs, at);
  invocation.sources.push(line.source);
  if (line.line === 'start') invocation.begun = true;
  if (line.line === 'report' || line.line === 'timeout') invocation.complete = true;
  if (line.durationMs !== undefined) invocation.durationMs = line.durationMs;
  if (line.text !== undefined) {
    invocation.texts.push({ atMs: at, eventId: line.source.eventId, text: line.text });
  }
  takeDecision(invocation, line);
  invocation.principal = smaller(invocation.principal, line.principal);
  invocation.gatewayRequestId = smaller(invocation.gatewayRequestId, line.gatewayRequestId);
  invocation.connectionId = smaller(invocation.connectionId, line.connectionId);
  if (line.customer !== undefined && smaller(invocation.customer, line.customer) === line.customer) {
    invocation.customer = line.customer;
    invocation.customerSource = line.customerSource ?? 'authorizer_log';
  }
}

function isSameEvent(a: SourceRef, b: SourceRef): boolean {
  return a.eventId === b.eventId && a.logStream === b.logStream;
}

const DECISION_RANK = { error: 0, deny: 1, allow: 2 } as const;

/** A crash outranks a deny, a deny outranks an allow: an invocation that contradicts itself let nobody in. */
function takeDecision(invocation: Invocation, line: AuthorizerLinePart): void {
  if (line.decision === undefined) return;
  const known = invocation.decision;
  if (known === undefined || DECISION_RANK[line.decision] < DECISION_RANK[known]) {
    invocation.decision = line.decision;
    invocation.reason = line.reason;
    return;
  }
  if (line.decision === known) invocation.reason = smaller(invocation.reason, line.reason);
}

function smaller(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return a < b ? a : b;
}

export function spanOf(part: AccessPart): RequestSpan {
  const { startMs: requestStartMs, startResolutionMs: resolutionMs } = part;
  const span = { requestStartMs, requestMs: requestEndMs(part) - requestStartMs };
  return resolutionMs > 1 ? { ...span, resolutionMs } : span;
}

function endOf({ requestStartMs, requestMs }: RequestSpan): number {
  return requestStartMs + requestMs;
}

/** End of the request: start plus latency where the format says it, else the time of the log event. */
export function requestEndMs(part: AccessPart): number {
  const latency = part.fields.responseLatencyMs;
  return latency === undefined ? Math.max(part.startMs, part.source.timestampMs) : part.startMs + latency;
}

/**
 * True when the invocation ran inside the request. A start known to the second only (CLF time) opens the interval by
 * that second; `skewMs` allows for two hosts' clocks.
 */
function containsInvocation(span: RequestSpan, invocation: Invocation, skewMs: number): boolean {
  const slack = skewMs + (span.resolutionMs ?? 0);
  return span.requestStartMs - skewMs <= invocation.startMs && invocation.endMs <= endOf(span) + slack;
}

/**
 * True when the request can have caused the invocation. A gateway that gave up on a slow function (`failed`) answers
 * before the function ends: for failures the start decides.
 */
export function canHaveCaused(
  span: RequestSpan,
  failed: boolean,
  invocation: Invocation,
  skewMs: number,
): boolean {
  if (containsInvocation(span, invocation, skewMs)) return true;
  if (!failed) return false;
  const slack = skewMs + (span.resolutionMs ?? 1);
  return span.requestStartMs - skewMs <= invocation.startMs && invocation.startMs <= endOf(span) + slack;
}

/**
 * Which of two lines that both contain the invocation caused it: one that names it over one that merely shares a gateway
 * request id, then the one it echoes, then the earlier one.
 */
export function isBetterClaim(candidate: Claim, standing: Claim): boolean {
  if (candidate.recordId === standing.recordId) return false;
  if (standing.joinKey === 'gateway_request_id') return true;
  if (candidate.isEchoed !== standing.isEchoed) return candidate.isEchoed === true;
  if (candidate.requestStartMs !== standing.requestStartMs) {
    return candidate.requestStartMs < standing.requestStartMs;
  }
  return candidate.recordId < standing.recordId;
}
