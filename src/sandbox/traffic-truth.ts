import type { RouteAuth } from './fleet-model.ts';
import type { Invocation } from './traffic-lambda.ts';
import { CUSTOMER_BY_PRINCIPAL } from './traffic-people.ts';

/** What an authorizer cache keeps of one decision: the function's whole output, and who its log says was asking. */
export interface CachedDecision {
  readonly lambdaRequestId: string;
  readonly gatewayRequestId?: string;
  readonly decidedMs: number;
  readonly policy: Policy;
  readonly principal: string;
  readonly customer?: string;
  readonly loggedPrincipal?: string;
  readonly loggedCustomer?: string;
  readonly validFromMs: number;
  readonly expiresMs: number;
}

/** `read_only` allows some methods: another method meets an implicit deny, from the cache as well. */
export type Policy = 'allow' | 'deny' | 'read_only';

export type Verdict = 'allow' | 'explicit_deny' | 'implicit_deny' | 'unauthorized' | 'failure';

/** How a request met its authorizer. */
export type Authorization =
  | { readonly kind: 'none' }
  /** The gateway answered before any authorizer had its turn. */
  | { readonly kind: 'refused_before' }
  /** Cognito, JWT or IAM: the gateway itself decides. */
  | { readonly kind: 'gateway'; readonly allowed: boolean }
  /** The function could not be called at all. */
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'called'; readonly invocation: Invocation; readonly verdict: Verdict }
  | { readonly kind: 'cached'; readonly decision: CachedDecision; readonly verdict: Verdict }
  /** A message on a WebSocket connection: `$connect` decided for it. */
  | { readonly kind: 'connection'; readonly opened: Judgement };

/** What the access line gives away, whatever happened behind it. */
export interface LineEvidence {
  /** The echoed `authzRequestId` is set. */
  readonly echo: boolean;
  /** `authorizer.requestId` is set. */
  readonly authorizerRequestId: boolean;
  /** `requestId` is printed and is an id. */
  readonly requestId: boolean;
  /** Another request with the same id overlaps this one, and its invocation lies within both. */
  readonly twin: boolean;
  readonly customer?: string;
  readonly principal?: string;
}

export interface Judgement {
  readonly decision: 'allow' | 'deny' | 'refused_before' | 'error' | 'unknown';
  readonly outcome: string;
  readonly joinKey: string;
  readonly customer: string;
  readonly principal?: string;
  readonly decisionRequestId?: string;
  /** The invocation's lines belong to this request's record; otherwise they stand alone. */
  readonly ownsInvocation: boolean;
}

type Bare = Pick<Judgement, 'decision' | 'outcome'>;

/** Says what a perfect reader of the lines would know of the request: nothing that the lines do not tell. */
export function judge(auth: RouteAuth, authorization: Authorization, line: LineEvidence): Judgement {
  switch (authorization.kind) {
    case 'none':
      return alone({ decision: 'unknown', outcome: 'no_authorizer' }, line);
    case 'refused_before':
      return alone(
        { decision: 'refused_before', outcome: auth === 'none' ? 'no_authorizer' : 'no_authorizer_call' },
        line,
      );
    case 'gateway':
      return alone({ decision: authorization.allowed ? 'allow' : 'deny', outcome: 'gateway_decision' }, line);
    case 'unreachable':
      return alone({ decision: 'error', outcome: 'authorizer_error' }, line);
    case 'connection':
      return {
        ...authorization.opened,
        outcome: 'connection_decision',
        joinKey: 'connection_id',
        ownsInvocation: false,
      };
    case 'called':
      return judgeCalled(authorization.invocation, authorization.verdict, line);
    case 'cached':
      return judgeCached(authorization.decision, authorization.verdict, line);
  }
}

/**
 * An invocation that no request's record takes in: a console test, one whose access line names nothing, or one that
 * two requests name and neither may have (`ambiguous`).
 */
export function judgeInvocation(invocation: Invocation, outcome: InvocationOutcome): Judgement {
  return {
    decision: DECISION_OF_ENDING[invocation.ending],
    outcome,
    joinKey: 'none',
    ...whoOf(invocation),
    decisionRequestId: invocation.lambdaRequestId,
    ownsInvocation: true,
  };
}

export type InvocationOutcome = 'authorizer_only' | 'ambiguous';

const DECISION_OF_ENDING = {
  allow: 'allow',
  deny: 'deny',
  unauthorized: 'deny',
  crash: 'error',
  timeout: 'error',
} as const;

const DECISION_OF_VERDICT = {
  allow: 'allow',
  explicit_deny: 'deny',
  implicit_deny: 'deny',
  unauthorized: 'deny',
  failure: 'error',
} as const;

function judgeCalled(invocation: Invocation, verdict: Verdict, line: LineEvidence): Judgement {
  const decision = DECISION_OF_VERDICT[verdict];
  const failed = verdict === 'failure';
  const trusted = trustedKey(line);
  const byRequestId = line.requestId && invocation.namesGatewayId;
  if (trusted === undefined && byRequestId && line.twin)
    return alone({ decision, outcome: 'ambiguous' }, line);
  const joinKey = trusted ?? (byRequestId ? 'gateway_request_id' : undefined);
  if (joinKey === undefined)
    return alone({ decision, outcome: failed ? 'authorizer_error' : 'access_only' }, line);
  return {
    decision,
    outcome: failed ? 'authorizer_error' : 'matched',
    joinKey,
    ...whoOf(invocation, line),
    decisionRequestId: invocation.lambdaRequestId,
    ownsInvocation: true,
  };
}

function judgeCached(cached: CachedDecision, verdict: Verdict, line: LineEvidence): Judgement {
  const decision = DECISION_OF_VERDICT[verdict];
  const joinKey = trustedKey(line);
  if (joinKey === undefined) return alone({ decision, outcome: 'access_only' }, line);
  return {
    decision,
    outcome: 'cached_decision',
    joinKey,
    ...whoOf(cached, line),
    decisionRequestId: cached.lambdaRequestId,
    ownsInvocation: false,
  };
}

function trustedKey(line: LineEvidence): string | undefined {
  if (line.echo) return 'authz_request_id';
  return line.authorizerRequestId ? 'authorizer_request_id' : undefined;
}

function alone(bare: Bare, line: LineEvidence): Judgement {
  return { ...bare, joinKey: 'none', ...whoOf({}, line), ownsInvocation: false };
}

/** Customer: the line's context, else the log of the decision it names, else the configured map, else unknown. */
function whoOf(
  logged: { readonly loggedPrincipal?: string; readonly loggedCustomer?: string },
  line: Pick<LineEvidence, 'customer' | 'principal'> = {},
): { readonly customer: string; readonly principal?: string } {
  const principal = line.principal ?? logged.loggedPrincipal;
  const mapped = principal === undefined ? undefined : CUSTOMER_BY_PRINCIPAL[principal];
  const customer = line.customer ?? logged.loggedCustomer ?? mapped ?? 'unknown';
  return principal === undefined ? { customer } : { customer, principal };
}
