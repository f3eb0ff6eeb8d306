import type { AccessPart } from '../model/part.ts';
import type { JoinOutcome } from '../model/request-record.ts';
import { isGatewayKind, isLambdaKind, type LineVerdict, showsAuthorizerCall } from './decide.ts';
import { usableRequestId } from './ids.ts';
import { gatewayRef, invocationKey } from './invocation.ts';

/** How a line finds its decision: at once, or by waiting for what the reference names. */
export type PartRoute =
  | { readonly mode: 'done'; readonly outcome: JoinOutcome }
  | {
      readonly mode: 'named';
      readonly ref: string;
      readonly joinKey: 'authz_request_id' | 'authorizer_request_id';
    }
  | { readonly mode: 'gateway'; readonly ref: string }
  | { readonly mode: 'connection'; readonly ref: string };

export type NamedRoute = Extract<PartRoute, { mode: 'named' }>;

/** Decides from one line alone; a line that needs no partner never waits. */
export function routePart(part: AccessPart, verdict: LineVerdict): PartRoute {
  if (part.authorizerKind === 'none') return { mode: 'done', outcome: 'no_authorizer' };
  if (isConnectionLine(part)) return routeConnectionLine(part);
  if (isGatewayKind(part.authorizerKind)) {
    const refused = verdict.decision === 'refused_before';
    return { mode: 'done', outcome: refused ? 'no_authorizer_call' : 'gateway_decision' };
  }
  if (!verdict.mayHaveCalled || part.authorizerUnit === undefined) {
    return { mode: 'done', outcome: outcomeWithoutPartner(verdict) };
  }
  return routeByKeys(part, part.authorizerUnit, verdict);
}

/** What is left to say when no invocation is named or found. */
export function outcomeWithoutPartner(verdict: LineVerdict): JoinOutcome {
  if (verdict.decision === 'error') return 'authorizer_error';
  return verdict.decision === 'refused_before' ? 'no_authorizer_call' : 'access_only';
}

/** WebSocket: only `$connect` asks the authorizer; every other line of the connection lives on that decision. */
export function isConnectionLine(part: AccessPart): boolean {
  return part.stage.protocol === 'WEBSOCKET' && isLambdaKind(part.authorizerKind) && !isConnectLine(part);
}

/** The line that opens a connection, and whose decision the connection lives on. */
export function isConnectLine({ fields }: Pick<AccessPart, 'fields'>): boolean {
  return fields.route === '$connect' || fields.eventType === 'CONNECT';
}

export function connectionRef(part: Pick<AccessPart, 'stage' | 'fields'>): string | undefined {
  const { stage, fields } = part;
  if (stage.protocol !== 'WEBSOCKET' || fields.connectionId === undefined) return undefined;
  return `${stage.account}\n${stage.region}\n${stage.apiId}\n${stage.stage}\n${fields.connectionId}`;
}

function routeConnectionLine(part: AccessPart): PartRoute {
  const ref = connectionRef(part);
  return ref === undefined ? { mode: 'done', outcome: 'access_only' } : { mode: 'connection', ref };
}

function routeByKeys(part: AccessPart, unit: string, verdict: LineVerdict): PartRoute {
  if (part.authzRequestId !== undefined) {
    return { mode: 'named', ref: invocationKey(unit, part.authzRequestId), joinKey: 'authz_request_id' };
  }
  if (part.authorizerRequestId !== undefined) {
    return {
      mode: 'named',
      ref: invocationKey(unit, part.authorizerRequestId),
      joinKey: 'authorizer_request_id',
    };
  }
  const requestId = usableRequestId(part.fields.requestId);
  // A format that shows calls shows none here: there is no invocation of its own to look for. HTTP APIs render no ids.
  const notCalled =
    part.authorizerCallVisible && part.stage.protocol !== 'HTTP' && !showsAuthorizerCall(part);
  if (notCalled || requestId === undefined || part.authorizerKind !== 'lambda_request') {
    return { mode: 'done', outcome: outcomeWithoutPartner(verdict) };
  }
  return { mode: 'gateway', ref: gatewayRef(unit, requestId) };
}
