import type { CarelessHeaders } from './authorizer-logs.ts';
import type { FleetAuthorizer } from './fleet-model.ts';
import type { FunctionRuntime, Invocation, InvocationOrder } from './traffic-lambda.ts';
import type { Person } from './traffic-people.ts';
import type { Authorization, CachedDecision, Policy, Verdict } from './traffic-truth.ts';

/** One question to a Lambda authorizer. */
export interface AuthorizerCall {
  readonly causeMs: number;
  readonly atMs: number;
  readonly person: Person;
  /** The identity source: callers with the same token share a cached result. */
  readonly token: string;
  readonly writes: boolean;
  readonly fault?: 'unauthorized_thrown' | 'authorizer_crash' | 'authorizer_timeout' | 'authorizer_bad_shape';
  readonly gatewayRequestId?: string;
  readonly durationMs?: number;
  readonly carelessly?: CarelessHeaders;
}

/** A stage's authorizer with its result cache. */
export interface AuthorizerDesk {
  decide(call: AuthorizerCall): Extract<Authorization, { kind: 'called' | 'cached' }>;
}

export function createAuthorizerDesk(authorizer: FleetAuthorizer, runtime: FunctionRuntime): AuthorizerDesk {
  const cache = new Map<string, CachedDecision>();
  return {
    decide: (call) => {
      const cached = cache.get(call.token);
      const usable =
        cached !== undefined && cached.validFromMs <= call.causeMs && call.atMs < cached.expiresMs;
      if (usable && call.fault === undefined) {
        return { kind: 'cached', decision: cached, verdict: verdictUnder(cached.policy, call.writes) };
      }
      const invocation = runtime.invoke(orderFor(authorizer, call));
      const verdict = verdictOf(call);
      if (call.fault === undefined && authorizer.ttlS > 0) {
        cache.set(call.token, cachedDecision(authorizer, call, invocation));
      }
      return { kind: 'called', invocation, verdict };
    },
  };
}

/** What the gateway sees of the caller's standing on a fresh decision. */
function policyOf(person: Person): Policy {
  if (person.standing === 'suspended') return 'deny';
  return person.standing === 'limited' ? 'read_only' : 'allow';
}

function verdictOf(call: AuthorizerCall): Verdict {
  if (call.fault === 'unauthorized_thrown') return 'unauthorized';
  if (call.fault !== undefined) return 'failure';
  return verdictUnder(policyOf(call.person), call.writes);
}

function verdictUnder(policy: Policy, writes: boolean): Verdict {
  if (policy === 'deny') return 'explicit_deny';
  return policy === 'read_only' && writes ? 'implicit_deny' : 'allow';
}

/** The function itself says Allow when it hands out a policy that only the gateway finds too narrow or malformed. */
function orderFor(authorizer: FleetAuthorizer, call: AuthorizerCall): InvocationOrder {
  const { person, fault } = call;
  const base = {
    causeMs: call.causeMs,
    calledMs: call.atMs,
    ...(call.durationMs === undefined ? {} : { durationMs: call.durationMs }),
    ...(call.carelessly === undefined ? {} : { carelessly: call.carelessly }),
    ...(authorizer.type === 'REQUEST' && call.gatewayRequestId !== undefined
      ? { gatewayRequestId: call.gatewayRequestId }
      : {}),
  };
  if (fault === 'unauthorized_thrown') return { ...base, ending: 'unauthorized', reason: 'token_expired' };
  if (fault === 'authorizer_crash') return { ...base, ending: 'crash', reason: 'crash' };
  if (fault === 'authorizer_timeout') return { ...base, ending: 'timeout', reason: 'timeout' };
  const denied = policyOf(person) === 'deny';
  return {
    ...base,
    ending: denied ? 'deny' : 'allow',
    reason: denied ? 'customer_suspended' : 'token_valid',
    principal: person.id,
    ...(person.customer === undefined ? {} : { customer: person.customer }),
  };
}

function cachedDecision(
  authorizer: FleetAuthorizer,
  call: AuthorizerCall,
  invocation: Invocation,
): CachedDecision {
  const { person } = call;
  return {
    lambdaRequestId: invocation.lambdaRequestId,
    ...(authorizer.type === 'REQUEST' && call.gatewayRequestId !== undefined
      ? { gatewayRequestId: call.gatewayRequestId }
      : {}),
    decidedMs: invocation.endMs,
    policy: policyOf(person),
    principal: person.id,
    ...(person.customer === undefined ? {} : { customer: person.customer }),
    ...(invocation.loggedPrincipal === undefined ? {} : { loggedPrincipal: invocation.loggedPrincipal }),
    ...(invocation.loggedCustomer === undefined ? {} : { loggedCustomer: invocation.loggedCustomer }),
    validFromMs: invocation.endMs + authorizer.cacheDelayMs,
    expiresMs: invocation.endMs + authorizer.ttlS * 1_000,
  };
}
