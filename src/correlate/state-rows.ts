import { GatewatchError } from '../core/errors.ts';
import { isObject } from '../core/json.ts';
import type { StateChange } from '../model/journal.ts';
import type { AccessPart } from '../model/part.ts';
import type { SourceRef } from '../model/source-event.ts';
import type { Decider } from './assemble.ts';
import { type Invocation, invocationKey, NOTHING_KNOWN } from './invocation.ts';

/** Kinds of correlation state as the journal keeps them. An invocation is `open` until some record has its lines. */
export const STATE_KINDS = {
  waiting: 'waiting',
  openInvocation: 'open_invocation',
  invocation: 'invocation',
  connection: 'connection',
} as const;

/** Body of a waiting line. */
export interface WaitingBody {
  readonly part: AccessPart;
  readonly readMs: number;
  readonly left: boolean;
  readonly expiresMs: number;
}

/** What a WebSocket connection lives on. */
export interface ConnectionDecision {
  readonly decider: Decider;
  readonly expiresMs: number;
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
 * once and named by their index. What the rest of the row tells (`key`, `firstSource`) is left out. Such rows are written
 * for every decision, so their size is time and disk.
 */
type InvocationRow = Omit<Invocation, 'key' | 'firstSource' | 'sources' | 'stored'> & {
  readonly places: readonly Place[];
  /** Place, event id, event time, and how much later it was readable, both in milliseconds. */
  readonly sources: readonly (readonly [number, string, number, number])[];
};

type Place = readonly [account: string, region: string, logGroup: string, logStream: string];

export function putInvocation(kind: string, invocation: Invocation, expiresMs: number): StateChange {
  const { key, firstSource: _first, stored: _stored, sources, ...rest } = invocation;
  const row: InvocationRow = { ...rest, ...packSources(sources) };
  return put(kind, key, row, expiresMs);
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

/** An invocation as it was written. */
export function readInvocation(body: string): Invocation {
  const { places, sources: packed, ...rest } = readState<InvocationRow>(body, 'lambdaRequestId');
  const sources = unpackSources({ places, sources: packed });
  const [firstSource] = sources;
  if (firstSource === undefined) {
    throw new GatewatchError(
      'state_unreadable',
      `Expected an invocation row with at least one source, got ${body.slice(0, 80)}`,
    );
  }
  const key = invocationKey(rest.unit, rest.lambdaRequestId);
  return { ...NOTHING_KNOWN, ...rest, key, firstSource, sources };
}

export function readConnection(body: string): ConnectionDecision {
  return readState<ConnectionDecision>(body, 'decider');
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
