import type { AccessPart } from '../model/part.ts';
import type { Decision, DecisionSource } from '../model/request-record.ts';

/** What an access line alone tells of the decision. */
export interface LineVerdict {
  readonly decision: Decision;
  readonly reason?: string;
  readonly source: DecisionSource;
  /** False when the request was refused before any authorizer could have been asked. */
  readonly mayHaveCalled: boolean;
}

/**
 * Gateway responses given before an authorizer is asked. `MISSING_AUTHENTICATION_TOKEN` looks like authentication and is
 * routing (an unknown resource), except on IAM routes, where it is the missing signature.
 */
const BEFORE_AUTHORIZER: ReadonlySet<string> = new Set([
  'WAF_FILTERED',
  'THROTTLED',
  'QUOTA_EXCEEDED',
  'MISSING_AUTHENTICATION_TOKEN',
  'RESOURCE_NOT_FOUND',
  'REQUEST_TOO_LARGE',
]);

/** Refusals by which the gateway itself decides on JWT, Cognito and IAM routes. */
const GATEWAY_REFUSALS: ReadonlySet<string> = new Set([
  'UNAUTHORIZED',
  'ACCESS_DENIED',
  'EXPIRED_TOKEN',
  'INVALID_SIGNATURE',
]);

export function isGatewayKind(kind: AccessPart['authorizerKind']): boolean {
  return kind === 'jwt' || kind === 'cognito' || kind === 'iam';
}

export function isLambdaKind(kind: AccessPart['authorizerKind']): boolean {
  return kind === 'lambda_token' || kind === 'lambda_request';
}

/** True when the line names an invocation or carries a trace of a call. */
export function showsAuthorizerCall(part: AccessPart): boolean {
  return (
    part.authzRequestId !== undefined ||
    part.authorizerRequestId !== undefined ||
    part.fields.authorizerLatencyMs !== undefined ||
    part.fields.authorizerStatus !== undefined
  );
}

export function decideByLine(part: AccessPart): LineVerdict {
  const responseType = part.fields.errorResponseType ?? responseTypeByStatus(part);
  const refused = refusedBefore(part, responseType);
  if (refused !== undefined) return refused;
  if (part.authorizerKind === 'none') return { decision: 'unknown', source: 'none', mayHaveCalled: false };
  if (isGatewayKind(part.authorizerKind)) return decideByGateway(part, responseType);
  return decideByAuthorizerRoute(part, responseType);
}

function refusedBefore(part: AccessPart, responseType: string | undefined): LineVerdict | undefined {
  const wafBlocked = part.fields.wafResponseCode === 'WAF_BLOCK';
  const early = responseType !== undefined && BEFORE_AUTHORIZER.has(responseType);
  if (!wafBlocked && !early) return undefined;
  if (responseType === 'MISSING_AUTHENTICATION_TOKEN' && part.authorizerKind === 'iam') return undefined;
  if (showsAuthorizerCall(part) && isLambdaKind(part.authorizerKind)) return undefined;
  return {
    decision: 'refused_before',
    reason: responseType ?? 'WAF_FILTERED',
    source: 'gateway',
    mayHaveCalled: false,
  };
}

function decideByGateway(part: AccessPart, responseType: string | undefined): LineVerdict {
  const refused =
    responseType !== undefined &&
    (GATEWAY_REFUSALS.has(responseType) || responseType === 'MISSING_AUTHENTICATION_TOKEN');
  const reason = refused ? (part.fields.authorizerError ?? responseType) : undefined;
  const decision: Decision = refused
    ? 'deny'
    : responseType?.startsWith('AUTHORIZER_') === true
      ? 'error'
      : 'allow';
  return {
    decision,
    source: 'gateway',
    mayHaveCalled: false,
    ...(reason !== undefined && { reason }),
  };
}

function decideByAuthorizerRoute(part: AccessPart, responseType: string | undefined): LineVerdict {
  if (responseType === 'ACCESS_DENIED') {
    return { decision: 'deny', reason: responseType, source: 'access_log', mayHaveCalled: true };
  }
  if (responseType === 'UNAUTHORIZED') return decideUnauthorized(part);
  if (responseType === 'AUTHORIZER_FAILURE' || responseType === 'AUTHORIZER_CONFIGURATION_ERROR') {
    const reason = part.fields.authorizerError ?? responseType;
    return { decision: 'error', reason, source: 'access_log', mayHaveCalled: true };
  }
  if (part.authorizerKind === 'unknown' && !showsAuthorizerCall(part)) {
    return { decision: 'unknown', source: 'none', mayHaveCalled: false };
  }
  return { decision: 'allow', source: 'access_log', mayHaveCalled: true };
}

/**
 * A 401 has two stories: the function said "Unauthorized" (it ran), or an identity source was missing and the gateway
 * answered without asking it. Where the format shows calls, the line tells which; else the authorizer's log must.
 */
function decideUnauthorized(part: AccessPart): LineVerdict {
  if (showsAuthorizerCall(part)) {
    return { decision: 'deny', reason: 'UNAUTHORIZED', source: 'access_log', mayHaveCalled: true };
  }
  return {
    decision: 'refused_before',
    reason: 'UNAUTHORIZED: identity source missing or malformed, the authorizer was not called',
    source: 'gateway',
    mayHaveCalled: !part.authorizerCallVisible && isLambdaKind(part.authorizerKind),
  };
}

/**
 * For formats without `error.responseType`: what the status says where no integration answered. Where the format has it
 * and the line does not, a 401 or 403 is the backend's own.
 */
function responseTypeByStatus(part: AccessPart): string | undefined {
  if (part.responseTypeVisible) return undefined;
  const { status, integrationStatus, integrationLatencyMs } = part.fields;
  if (integrationStatus !== undefined || integrationLatencyMs !== undefined) return undefined;
  if (status === 401) return 'UNAUTHORIZED';
  if (status === 403) return part.fields.wafResponseCode === 'WAF_BLOCK' ? 'WAF_FILTERED' : 'ACCESS_DENIED';
  if (status === 429) return 'THROTTLED';
  if (status === 413) return 'REQUEST_TOO_LARGE';
  if (status === 500 && part.fields.authorizerError !== undefined) return 'AUTHORIZER_FAILURE';
  return undefined;
}
