import { GatewatchError } from '../core/errors.ts';
import { isObject } from '../core/json.ts';
import type { Logger } from '../core/logger.ts';
import type { StateChange, StateRow } from '../model/journal.ts';
import type { AccessPart } from '../model/part.ts';
import type { SourceRef } from '../model/source-event.ts';
import type { Decider } from './assemble.ts';
import { type Claim, type Invocation, NOTHING_KNOWN, type Origin, originOf } from './invocation.ts';
import { mayBeThin, textPlaces } from './thin-invocation.ts';

/** Kinds of correlation state as the journal keeps them. An invocation is `open` until some record has its lines. */
export const STATE_KINDS = {
  waiting: 'waiting',
  openInvocation: 'open_invocation',
  invocation: 'invocation',
  connection: 'connection',
  /** By connection and the first record of the row: lines whose records are out. */
  connectionLines: 'connection_lines',
  /** By gateway request id: lines settled by it or left without partner, and keys of invocations that went out alone. */
  parked: 'parked',
  lonely: 'lonely',
  /** By invocation and what is in the row: lines that name it and left while nothing, or not enough, was known of it. */
  parkedNamed: 'parked_named',
  /** By key of an invocation that is not known: lines that name it beside another one. */
  torn: 'torn',
  /** By invocation, connection and gateway request id: lines are still to be told what is known of it. */
  unfinishedNamed: 'unfinished_named',
  unfinishedConnection: 'unfinished_connection',
  unfinishedGateway: 'unfinished_gateway',
  /** One row: what memory never knew, or was made to forget before its time. */
  forgotten: 'forgotten',
} as const;

/** Body of a waiting line. */
export interface WaitingBody {
  readonly part: AccessPart;
  readonly readMs: number;
  readonly left: boolean;
  readonly expiresMs: number;
  /** Absent: `expiresMs`. */
  readonly closesMs?: number;
  readonly told?: number;
}

/** A line that memory has forgotten: what its own record does not say of it. The rest is read back from there. */
export interface ParkedLine extends Omit<AccessPart, 'role' | 'source' | 'stage' | 'startMs' | 'fields'> {
  readonly recordId: string;
  readonly eventId: string;
  readonly readMs: number;
  readonly expiresMs: number;
  readonly told?: number;
}

/** A line that was settled by one of its two keys while nothing was known of what the other names. */
export interface TornLine {
  /** Key of the invocation by which it was settled. */
  readonly first: string;
  readonly claim: Claim;
}

/** What a WebSocket connection lives on. */
export interface ConnectionDecision {
  readonly decider: Decider;
  readonly expiresMs: number;
}

/** A line of a connection whose record is out: what that record does not say of it. */
export interface ConnectionLine extends Pick<Claim, 'verdict' | 'own'> {
  readonly recordId: string;
}

export interface Forgotten {
  /** Event time before which lines were parked however young they were, milliseconds. */
  readonly throughMs: number;
  /** True while waiting lines are in the journal that were not read since a start. */
  readonly hasUnread: boolean;
}

export function put(kind: string, key: string, value: unknown, expiresMs: number): StateChange {
  return { kind, key, body: JSON.stringify(value), expiresMs };
}

export function drop(kind: string, key: string): StateChange {
  return { kind, key, body: null, expiresMs: 0 };
}

export function readWaiting(body: string): WaitingBody {
  return readState<WaitingBody>(body, 'part');
}

/**
 * An invocation as its row has it. Its lines come from one log group and mostly from one stream: places are written
 * once and named by their index. What the row's key and the places tell (`unit`, `origin`) is left out. Such rows are
 * written for every decision, so their size is time and disk.
 */
type InvocationRow = Omit<Invocation, KeyFields | 'origin' | 'sources' | 'stored' | 'linesInRecord'> & {
  readonly places: readonly Place[];
  /** Place, event id, event time, and how much later it was readable, both in milliseconds. */
  readonly sources: readonly (readonly [number, string, number, number])[];
};

/** What the key of the row says. */
type KeyFields = 'key' | 'unit' | 'lambdaRequestId';

/** An invocation whose lines its record has: this row is written once for every decision, and read back seldom. */
type ThinRow = Pick<Invocation, 'startMs' | 'endMs' | 'readMs' | 'decision' | ThinFields> & {
  readonly texts: readonly number[];
  readonly claim: Claim | undefined;
  readonly rivals: readonly Claim[] | undefined;
  readonly origin: Origin;
};

type ThinFields =
  | 'reason'
  | 'principal'
  | 'customer'
  | 'customerSource'
  | 'gatewayRequestId'
  | 'connectionId'
  | 'durationMs';

type Place = readonly [account: string, region: string, logGroup: string, logStream: string];

export function putInvocation(kind: string, invocation: Invocation, expiresMs: number): StateChange {
  if (kind === STATE_KINDS.invocation && mayBeThin(invocation)) {
    return put(kind, invocation.key, thinRow(invocation), expiresMs);
  }
  const {
    key,
    unit: _unit,
    lambdaRequestId: _id,
    origin: _origin,
    stored: _stored,
    linesInRecord: _lines,
    sources,
    ...rest
  } = invocation;
  const row: InvocationRow = { ...rest, ...packSources(sources) };
  return put(kind, key, row, expiresMs);
}

function thinRow(invocation: Invocation): ThinRow {
  return {
    texts: textPlaces(invocation),
    origin: invocation.origin,
    startMs: invocation.startMs,
    endMs: invocation.endMs,
    readMs: invocation.readMs,
    decision: invocation.decision,
    reason: invocation.reason,
    principal: invocation.principal,
    customer: invocation.customer,
    customerSource: invocation.customerSource,
    gatewayRequestId: invocation.gatewayRequestId,
    connectionId: invocation.connectionId,
    durationMs: invocation.durationMs,
    claim: invocation.claim,
    rivals: invocation.rivals,
  };
}

function packSources(sources: readonly SourceRef[]): Pick<InvocationRow, 'places' | 'sources'> {
  const places: Place[] = [];
  const packed = sources.map((source) => {
    const { eventId, timestampMs, ingestionMs } = source;
    return [placeIn(places, source), eventId, timestampMs, ingestionMs - timestampMs] as const;
  });
  return { places, sources: packed };
}

/** Index of the source's place, added when new. */
function placeIn(places: Place[], { account, region, logGroup, logStream }: SourceRef): number {
  const known = places.findIndex(
    (place) => place[3] === logStream && place[2] === logGroup && place[1] === region && place[0] === account,
  );
  return known >= 0 ? known : places.push([account, region, logGroup, logStream]) - 1;
}

function unpackSources({ places, sources }: Pick<InvocationRow, 'places' | 'sources'>): SourceRef[] {
  return sources.flatMap(([index, eventId, timestampMs, lagMs]) => {
    const place = places[index];
    if (place === undefined) return [];
    const [account, region, logGroup, logStream] = place;
    return [{ account, region, logGroup, logStream, eventId, timestampMs, ingestionMs: timestampMs + lagMs }];
  });
}

/** An invocation as it was written. Throws where the row cannot be read. */
export function readInvocation(key: string, body: string): Invocation {
  const row = readState<InvocationRow | ThinRow>(body, 'startMs');
  const names = namesOf(key);
  const claims = [...(row.claim === undefined ? [] : [row.claim]), ...(row.rivals ?? [])];
  if (!Array.isArray(row.texts) || !claims.every(hasRecordId)) {
    throw new GatewatchError(
      'state_unreadable',
      'Expected an invocation row with a list of "texts", and claims of records',
    );
  }
  if (!('places' in row)) {
    const { texts: linesInRecord, ...known } = row;
    const whole = { begun: true, complete: true, ambiguous: false, sources: [], texts: [] };
    return { ...NOTHING_KNOWN, ...whole, ...known, ...names, ...claimIn(row), linesInRecord };
  }
  const { places, sources: packed, ...rest } = row;
  const sources = unpackSources({ places, sources: packed });
  const [first] = sources;
  if (first === undefined) {
    throw new GatewatchError(
      'state_unreadable',
      `Expected an invocation row with at least one source, got ${body.slice(0, 80)}`,
    );
  }
  return { ...NOTHING_KNOWN, ...rest, ...names, ...claimIn(row), origin: originOf(first), sources };
}

/**
 * Undefined for a row that cannot be read, which is logged: it costs that invocation alone, which is then as if nothing
 * were known of it.
 */
export function readableInvocation(key: string, body: string, logger: Logger): Invocation | undefined {
  return readable(() => readInvocation(key, body), { key, what: 'what was known of an invocation', logger });
}

/** Undefined where reading throws, which is logged: a row that cannot be read costs nothing but what it says. */
export function readable<T>(
  read: () => T,
  { key, what, logger }: { readonly key: string; readonly what: string; readonly logger: Logger },
): T | undefined {
  try {
    return read();
  } catch (error) {
    logger.error({ key, reason: reasonOf(error) }, `${what} ${UNREADABLE}`);
    return undefined;
  }
}

const UNREADABLE =
  'cannot be read, and is left out of the join; it is said again until the row expires: check the journal with `gatewatch audit verify`, and report it if that finds nothing';

/** What the error says may quote the row. */
export function reasonOf(error: unknown): string {
  return error instanceof GatewatchError ? error.code : 'not JSON';
}

/** Rows of earlier versions do not say how long the request lasted: nothing then speaks against its claim. */
function claimIn({ claim }: Pick<Invocation, 'claim'>): Pick<Invocation, 'claim'> | undefined {
  return claim === undefined ? undefined : { claim: { ...ANY_LENGTH, ...claim } };
}

const ANY_LENGTH = { requestMs: Number.MAX_SAFE_INTEGER };

function namesOf(key: string): Pick<Invocation, KeyFields> {
  const at = key.lastIndexOf('\n');
  return { key, unit: key.slice(0, at), lambdaRequestId: key.slice(at + 1) };
}

/** Undefined for a row that cannot be read, which is logged: its connection is then as if nobody knew who opened it. */
export function readableConnection(
  key: string,
  body: string,
  logger: Logger,
): ConnectionDecision | undefined {
  const read = () => readState<ConnectionDecision>(body, 'decider');
  return readable(read, { key, what: 'who opened a connection', logger });
}

/** How far one of the unfinished is, and since when. */
export interface UnfinishedRow {
  readonly from: string;
  readonly done: number;
  readonly sinceMs: number;
}

/** From the beginning where the row cannot be read, which is logged: to be told again costs a line nothing. */
export function readUnfinished({ key, body }: StateRow, logger: Logger): UnfinishedRow {
  const read = () => readState<UnfinishedRow>(body, 'sinceMs');
  return readable(read, { key, what: 'how far lines were told', logger }) ?? FROM_THE_BEGINNING;
}

const FROM_THE_BEGINNING: UnfinishedRow = { from: '', done: 0, sinceMs: 0 };

/** That anything may have been, where the row cannot be read, which is logged. */
export function readForgotten({ key, body }: StateRow, logger: Logger): Forgotten {
  const read = () => readState<Forgotten>(body, 'throughMs');
  return readable(read, { key, what: 'what memory had forgotten', logger }) ?? MAY_BE_ANYTHING;
}

const MAY_BE_ANYTHING: Forgotten = { throughMs: Number.POSITIVE_INFINITY, hasUnread: true };

/** None where the row cannot be read, which is logged: their records stay as they are. */
export function readParkedNamed(row: StateRow, logger: Logger): readonly ParkedLine[] {
  return readLines<ParkedLine>(row, 'what was kept of lines that left without their invocation', logger);
}

/** None where the row cannot be read, which is logged: their records stay as they are. */
export function readConnectionLines(row: StateRow, logger: Logger): readonly ConnectionLine[] {
  return readLines<ConnectionLine>(row, 'which lines of a connection have left', logger);
}

function readLines<L>({ key, body }: StateRow, what: string, logger: Logger): readonly L[] {
  const read = () => requireList(readState<{ readonly lines: readonly L[] }>(body, 'lines').lines, body);
  return readable(read, { key, what, logger }) ?? [];
}

function requireList<L>(lines: readonly L[], body: string): readonly L[] {
  if (Array.isArray(lines) && lines.every(hasRecordId)) return lines;
  throw new GatewatchError(
    'state_unreadable',
    `Expected a correlation state row with a list of "lines", got ${body.slice(0, 80)}`,
  );
}

/** What a line that has left is asked for by; without it the journal cannot be asked at all. */
export function hasRecordId(line: unknown): boolean {
  return isObject(line) && typeof line.recordId === 'string';
}

/** Our own rows, read back. `marker` is a field that every row of the kind has. */
function readState<T>(body: string, marker: string): T {
  const value: unknown = JSON.parse(body);
  if (!isObject(value) || !(marker in value)) {
    throw new GatewatchError(
      'state_unreadable',
      `Expected a correlation state row with "${marker}", got ${body.slice(0, 80)}`,
    );
  }
  return value as T;
}
