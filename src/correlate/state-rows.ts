import { GatewatchError } from '../core/errors.ts';
import { isObject } from '../core/json.ts';
import type { StateChange } from '../model/journal.ts';
import type { AccessPart } from '../model/part.ts';
import type { Decider } from './assemble.ts';
import type { Invocation } from './invocation.ts';

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

/** JSON drops absent fields; an invocation has them all. */
export function readInvocation(body: string): Invocation {
  const blank = {
    decision: undefined,
    reason: undefined,
    principal: undefined,
    customer: undefined,
    customerSource: undefined,
    gatewayRequestId: undefined,
    connectionId: undefined,
    durationMs: undefined,
    claim: undefined,
    ownRecordId: undefined,
    stored: undefined,
  };
  return { ...blank, ...readState<Invocation>(body, 'lambdaRequestId') };
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
