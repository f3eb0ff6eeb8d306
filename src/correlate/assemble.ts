import { GatewatchError } from '../core/errors.ts';
import { sortFew } from '../core/sort-few.ts';
import type { AuthorizerKind } from '../model/inventory.ts';
import type { AccessPart, StageRef, UnparsedPart } from '../model/part.ts';
import {
  ACCESS_FIELDS,
  type AccessFields,
  type CustomerSource,
  type Decision,
  type DecisionSource,
  type JoinKey,
  type JoinOutcome,
  type RecordPart,
  type RequestRecord,
  type UnparsedRecord,
} from '../model/request-record.ts';
import type { SourceRef } from '../model/source-event.ts';
import type { LineVerdict } from './decide.ts';
import { contentId, invocationRecordId, lineRecordId } from './ids.ts';
import type { Claim, Invocation, OwnIdentity } from './invocation.ts';

/** The access side of a record: what is known before, and whatever, the join says. */
export interface AccessSide {
  readonly recordId: string;
  readonly stage: StageRef;
  readonly fields: AccessFields;
  readonly source: SourceRef;
  readonly startMs: number;
  readonly authorizerKind: AuthorizerKind | 'unknown';
  readonly authorizerId: string | undefined;
  readonly own: OwnIdentity;
  readonly verdict: LineVerdict;
  readonly readMs: number;
}

/** Who decided, as far as another record or invocation says it. */
export interface Decider {
  readonly lambdaRequestId: string | undefined;
  readonly decision: Decision | undefined;
  readonly reason: string | undefined;
  readonly principal: string | undefined;
  readonly customer: string | undefined;
  readonly customerSource: CustomerSource | undefined;
}

export interface Joined {
  readonly outcome: JoinOutcome;
  readonly joinKey: JoinKey;
  readonly decider?: Decider;
  /** The invocation whose lines become part of this record; only its one claimant has it. */
  readonly invocation?: Invocation;
}

export function accessSideOf(
  part: AccessPart,
  recordId: string,
  verdict: LineVerdict,
  readMs: number,
): AccessSide {
  return {
    recordId,
    stage: part.stage,
    fields: part.fields,
    source: part.source,
    startMs: part.startMs,
    authorizerKind: part.authorizerKind,
    authorizerId: part.authorizerId,
    own: ownIdentity(part),
    verdict,
    readMs,
  };
}

/** The access side again, from a record as stored and what its line said by itself. */
export function accessSideOfRecord(record: RequestRecord, claim: Pick<Claim, 'own' | 'verdict'>): AccessSide {
  const access = record.parts.find((part) => part.role === 'access');
  if (access === undefined) {
    throw new GatewatchError(
      'record_without_access',
      `Expected record ${record.recordId} to have an access part, got none`,
    );
  }
  return {
    recordId: record.recordId,
    stage: record,
    fields: accessFieldsOf(record),
    source: access,
    startMs: record.eventMs,
    authorizerKind: record.authorizerKind,
    authorizerId: record.authorizerId,
    own: claim.own,
    verdict: claim.verdict,
    readMs: record.readMs,
  };
}

/** A decision as a finished record states it, for what lives on that decision (a WebSocket connection). */
export function deciderOfRecord(record: RequestRecord): Decider {
  return {
    lambdaRequestId: record.decisionRequestId,
    decision: record.decision,
    reason: record.decisionReason,
    principal: record.principal,
    customer: record.customerSource === 'unknown' ? undefined : record.customer,
    customerSource: record.customerSource,
  };
}

export function stageOfRecord({ account, region, apiId, apiName, stage, protocol }: RequestRecord): StageRef {
  return { account, region, apiId, apiName, stage, protocol };
}

export function accessFieldsOf(record: RequestRecord): AccessFields {
  const kept = Object.entries(record).filter(([name]) => Object.hasOwn(ACCESS_FIELDS, name));
  return Object.fromEntries(kept);
}

export function ownIdentity(part: OwnIdentity): OwnIdentity {
  return {
    ...(part.principal !== undefined && { principal: part.principal }),
    ...(part.customer !== undefined && { customer: part.customer }),
    ...(part.customerSource !== undefined && { customerSource: part.customerSource }),
  };
}

export function deciderOf(invocation: Invocation): Decider {
  return {
    lambdaRequestId: invocation.lambdaRequestId,
    decision: invocation.decision,
    reason: invocation.reason,
    principal: invocation.principal,
    customer: invocation.customer,
    customerSource: invocation.customerSource,
  };
}

type Draft = { -readonly [K in keyof RequestRecord]: RequestRecord[K] };

/** Writes the record of one request. Pure: the same side and join give the same record. */
export function assembleRequest(side: AccessSide, joined: Joined): RequestRecord {
  const ruling = rule(side.verdict, joined);
  const who = identify(side.own, joined.decider);
  const parts = partsOf(side.source, joined.invocation);
  const { stage } = side;
  const draft: Draft = {
    kind: 'request',
    recordId: side.recordId,
    eventId: '',
    revision: 0,
    account: stage.account,
    region: stage.region,
    apiId: stage.apiId,
    apiName: stage.apiName,
    stage: stage.stage,
    protocol: stage.protocol,
    eventMs: side.startMs,
    ingestionMs: newestIngestion(parts),
    readMs: side.readMs,
    ...side.fields,
    authorizerKind: side.authorizerKind,
    decision: ruling.decision,
    decisionSource: ruling.source,
    customer: who.customer,
    customerSource: who.customerSource,
    outcome: joined.outcome,
    joinKey: joined.joinKey,
    parts,
  };
  if (side.authorizerId !== undefined) draft.authorizerId = side.authorizerId;
  if (joined.decider?.lambdaRequestId !== undefined) draft.decisionRequestId = joined.decider.lambdaRequestId;
  if (ruling.reason !== undefined) draft.decisionReason = ruling.reason;
  if (who.principal !== undefined) draft.principal = who.principal;
  if (joined.invocation !== undefined) addInvocation(draft, joined.invocation);
  draft.eventId = contentId(side.recordId, parts, conclusionOf(draft));
  return draft;
}

/** A record of an invocation that no access line answers to. `supersededBy` names the line that came after all. */
export function assembleInvocation(
  invocation: Invocation,
  outcome: 'authorizer_only' | 'ambiguous',
  stage: StageRef,
  kind: AuthorizerKind | 'unknown',
  supersededBy: string | undefined,
): RequestRecord {
  const parts = sortFew(invocationParts(invocation), byPosition);
  const recordId = invocationRecordId(invocation.origin, invocation.lambdaRequestId);
  const draft: Draft = {
    kind: 'request',
    recordId,
    eventId: '',
    revision: 0,
    account: stage.account,
    region: stage.region,
    apiId: stage.apiId,
    apiName: stage.apiName,
    stage: stage.stage,
    protocol: stage.protocol,
    eventMs: invocation.startMs,
    ingestionMs: newestIngestion(parts),
    readMs: invocation.readMs,
    authorizerKind: kind,
    decisionRequestId: invocation.lambdaRequestId,
    decision: invocation.decision ?? 'unknown',
    decisionSource: invocation.decision === undefined ? 'none' : 'authorizer_log',
    customer: invocation.customer ?? 'unknown',
    customerSource: invocation.customerSource ?? 'unknown',
    outcome,
    joinKey: 'none',
    parts: supersededBy === undefined ? parts : [],
  };
  if (invocation.reason !== undefined) draft.decisionReason = invocation.reason;
  if (invocation.principal !== undefined) draft.principal = invocation.principal;
  if (supersededBy !== undefined) draft.supersededBy = supersededBy;
  else addInvocation(draft, invocation);
  draft.eventId = contentId(recordId, draft.parts, conclusionOf(draft));
  return draft;
}

export function assembleUnparsed(part: UnparsedPart, readMs: number): UnparsedRecord {
  const recordId = lineRecordId(part.source);
  const parts: RecordPart[] = [{ ...part.source, role: part.of }];
  return {
    kind: 'unparsed',
    recordId,
    eventId: contentId(recordId, parts, 'unparsed'),
    revision: 0,
    account: part.source.account,
    region: part.source.region,
    logGroup: part.source.logGroup,
    role: part.of,
    eventMs: part.source.timestampMs,
    ingestionMs: part.source.ingestionMs,
    readMs,
    unparsed: true,
    problem: part.problem,
    raw: part.raw,
    rawSha256: part.rawSha256,
    rawLength: part.rawLength,
    parts,
  };
}

interface Ruling {
  readonly decision: Decision;
  readonly reason: string | undefined;
  readonly source: DecisionSource;
}

/**
 * What the gateway enforced stands: a line that shows a refusal is a refusal even if the function allowed (its policy
 * did not cover the method). The function's log adds the reason, and is the source where both agree.
 */
function rule(verdict: LineVerdict, joined: Joined): Ruling {
  const decider = joined.decider;
  if (joined.outcome === 'connection_decision' && decider?.decision !== undefined) {
    return { decision: decider.decision, reason: decider.reason, source: 'authorizer_log' };
  }
  const byLine = { decision: verdict.decision, reason: verdict.reason, source: verdict.source };
  if (decider?.decision === undefined || joined.outcome === 'ambiguous') return byLine;
  if (decider.decision === verdict.decision) {
    return { decision: verdict.decision, reason: decider.reason ?? verdict.reason, source: 'authorizer_log' };
  }
  if (verdict.decision === 'refused_before') {
    return { decision: decider.decision, reason: decider.reason, source: 'authorizer_log' };
  }
  if (verdict.decision === 'deny' && decider.decision === 'allow') {
    return { ...byLine, reason: 'the policy returned by the authorizer does not cover this method' };
  }
  return byLine;
}

const SOURCE_RANK: Readonly<Record<CustomerSource, number>> = {
  authorizer_context: 0,
  authorizer_log: 1,
  principal_map: 2,
  unknown: 3,
};

function identify(own: OwnIdentity, decider: Decider | undefined) {
  const principal = own.principal ?? decider?.principal;
  const ownSource = own.customer === undefined ? 'unknown' : (own.customerSource ?? 'authorizer_context');
  const theirSource =
    decider?.customer === undefined ? 'unknown' : (decider.customerSource ?? 'authorizer_log');
  const useOwn = SOURCE_RANK[ownSource] <= SOURCE_RANK[theirSource];
  return {
    principal,
    customer: (useOwn ? own.customer : decider?.customer) ?? 'unknown',
    customerSource: useOwn ? ownSource : theirSource,
  };
}

function addInvocation(draft: Draft, invocation: Invocation): void {
  if (invocation.durationMs !== undefined) draft.invocationDurationMs = invocation.durationMs;
  if (invocation.texts.length === 0) return;
  const inOrder = sortFew(
    [...invocation.texts],
    (a, b) => a.atMs - b.atMs || (a.eventId < b.eventId ? -1 : 1),
  );
  draft.authorizerLog = inOrder.map((line) => line.text);
}

function partsOf(access: SourceRef, invocation: Invocation | undefined): RecordPart[] {
  const first = recordPart('access', access);
  if (invocation === undefined) return [first];
  return [first, ...sortFew(invocationParts(invocation), byPosition)];
}

function invocationParts(invocation: Invocation): RecordPart[] {
  return invocation.sources.map((source) => recordPart('authorizer', source));
}

function recordPart(role: RecordPart['role'], source: SourceRef): RecordPart {
  return {
    role,
    account: source.account,
    region: source.region,
    logGroup: source.logGroup,
    logStream: source.logStream,
    eventId: source.eventId,
    timestampMs: source.timestampMs,
    ingestionMs: source.ingestionMs,
  };
}

/** The order in which a record has its authorizer lines, and their texts. */
export function byPosition(a: Position, b: Position): number {
  if (a.timestampMs !== b.timestampMs) return a.timestampMs - b.timestampMs;
  return a.eventId < b.eventId ? -1 : a.eventId > b.eventId ? 1 : 0;
}

type Position = Pick<RecordPart, 'timestampMs' | 'eventId'>;

function newestIngestion(parts: readonly RecordPart[]): number {
  let newest = 0;
  for (const part of parts) newest = Math.max(newest, part.ingestionMs);
  return newest;
}

/** Everything the join concluded, for the content id. */
function conclusionOf(record: RequestRecord): string {
  return [
    record.outcome,
    record.joinKey,
    record.decision,
    record.decisionRequestId ?? '',
    record.customer,
    record.principal ?? '',
    record.supersededBy ?? '',
  ].join('\t');
}
