import type { CarelessHeaders } from './authorizer-logs.ts';
import type { FleetApi, FleetRoute, FleetStage, SpecialScenario } from './fleet-model.ts';
import type { Random } from './random.ts';
import { REPLACED_REQUEST_ID, type RequestStory, type WebSocketFacts } from './traffic-access-line.ts';
import type { AuthorizerDesk } from './traffic-authorizer.ts';
import type { Person } from './traffic-people.ts';
import {
  AUTHORIZER_FAILED,
  backendAnswer,
  denialByGateway,
  type GatewayResponse,
  REFUSALS,
  RESPONSE_BY_VERDICT,
  UNREACHABLE,
} from './traffic-responses.ts';
import type { Stagecraft } from './traffic-stagecraft.ts';
import type { Authorization } from './traffic-truth.ts';

/** A request about to happen. */
export interface RequestPlan {
  readonly api: FleetApi;
  readonly stage: FleetStage;
  readonly desk?: AuthorizerDesk;
  readonly route: FleetRoute;
  readonly startMs: number;
  readonly special?: SpecialScenario;
  readonly person: Person;
  readonly token: string;
  readonly userAgent: string;
  /** Value of the template's path parameter. */
  readonly segment: string;
  /** A UUID the client sent as `x-amzn-RequestId`. */
  readonly forgedRequestId?: string;
  /** Fixed durations, where two requests must overlap. */
  readonly pace?: { readonly authorizerMs: number; readonly integrationMs: number };
  readonly carelessly?: CarelessHeaders;
  readonly webSocket?: WebSocketFacts;
  /** For messages of a connection: what `$connect` decided. */
  readonly connection?: Extract<Authorization, { kind: 'connection' }>;
}

interface Phase {
  readonly authorization: Authorization;
  readonly atMs: number;
  /** Set when the gateway answers by itself. */
  readonly response?: GatewayResponse;
}

/** Plays one request through the gateway: refusals, authorizer, backend. Writes the authorizer's log on the way. */
export function playRequest(
  plan: RequestPlan,
  craft: Pick<Stagecraft, 'random' | 'incidents'>,
): RequestStory {
  const { random, incidents } = craft;
  const ids = idsFor(plan, random);
  const phase = authorizePhase(plan, ids.requestId, random);
  const base = {
    ...ids,
    api: plan.api,
    stage: plan.stage,
    route: plan.route,
    routeFound: plan.special !== 'no_such_route',
    startMs: plan.startMs,
    path: pathOf(plan),
    sourceIp: plan.person.sourceIp,
    userAgent: plan.userAgent,
    authorization: phase.authorization,
    ...(plan.webSocket === undefined ? {} : { webSocket: plan.webSocket }),
  };
  if (phase.response !== undefined) {
    const endMs = phase.atMs + random.between(2, 5);
    return { ...base, endMs, response: phase.response, responseBytes: random.between(23, 90) };
  }
  const slowness = incidents.factorAt(plan.api.name, plan.stage.name, phase.atMs);
  return { ...base, ...integrate(plan, phase.atMs, slowness, random), ...claimsOf(plan) };
}

function idsFor(plan: RequestPlan, random: Random): { requestId: string; extendedRequestId: string } {
  const extendedRequestId = `${random.letters(15)}=`;
  if (plan.api.protocol !== 'REST') return { requestId: extendedRequestId, extendedRequestId };
  if (plan.special === 'replaced_request_id') return { requestId: REPLACED_REQUEST_ID, extendedRequestId };
  return { requestId: plan.forgedRequestId ?? random.uuid(), extendedRequestId };
}

function authorizePhase(plan: RequestPlan, requestId: string, random: Random): Phase {
  const atMs = plan.startMs + random.between(1, 4);
  if (plan.connection !== undefined) return { authorization: plan.connection, atMs };
  const refusal = plan.special === undefined ? undefined : REFUSALS[plan.special];
  if (refusal !== undefined) return { authorization: { kind: 'refused_before' }, atMs, response: refusal };
  if (plan.special === 'authorizer_unreachable') {
    return { authorization: { kind: 'unreachable' }, atMs, response: UNREACHABLE };
  }
  if (plan.route.auth === 'none') return { authorization: { kind: 'none' }, atMs };
  if (plan.route.auth !== 'lambda' || plan.desk === undefined) return gatewayPhase(plan, atMs, random);
  return lambdaPhase(plan, plan.desk, requestId, atMs);
}

function gatewayPhase(plan: RequestPlan, atMs: number, random: Random): Phase {
  const allowed = plan.special !== 'gateway_refused';
  const authorization = { kind: 'gateway', allowed } as const;
  if (allowed) return { authorization, atMs };
  return { authorization, atMs, response: denialByGateway(plan.route.auth, random) };
}

function lambdaPhase(plan: RequestPlan, desk: AuthorizerDesk, requestId: string, atMs: number): Phase {
  const fault = faultOf(plan.special);
  const authorization = desk.decide({
    causeMs: plan.startMs,
    atMs,
    person: plan.person,
    token: plan.token,
    writes: isWriting(plan.route.method),
    gatewayRequestId: requestId,
    ...(fault === undefined ? {} : { fault }),
    ...(plan.pace === undefined ? {} : { durationMs: plan.pace.authorizerMs }),
    ...(plan.carelessly === undefined ? {} : { carelessly: plan.carelessly }),
  });
  const doneMs = authorization.kind === 'called' ? authorization.invocation.endMs + 2 : atMs;
  if (authorization.verdict === 'allow') return { authorization, atMs: doneMs };
  if (authorization.verdict !== 'failure') {
    return { authorization, atMs: doneMs, response: RESPONSE_BY_VERDICT[authorization.verdict] };
  }
  const response = fault === 'authorizer_bad_shape' ? UNREACHABLE : AUTHORIZER_FAILED;
  return { authorization, atMs: doneMs, response };
}

function faultOf(special: SpecialScenario | undefined) {
  switch (special) {
    case 'unauthorized_thrown':
    case 'authorizer_crash':
    case 'authorizer_timeout':
    case 'authorizer_bad_shape':
      return special;
    default:
      return undefined;
  }
}

function isWriting(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'DELETE';
}

/** Longest a backend may take before the gateway gives up. */
const INTEGRATION_TIMEOUT_MS = 29_000;

function integrate(
  plan: RequestPlan,
  atMs: number,
  slowness: number,
  random: Random,
): Pick<RequestStory, 'endMs' | 'response' | 'responseBytes' | 'integration'> {
  const answer = backendAnswer(random);
  const backendMs = slowness * random.lognormal(plan.api.latencyMedianMs, plan.api.latencySigma);
  const latencyMs = answer.slow
    ? INTEGRATION_TIMEOUT_MS
    : Math.max(
        1,
        Math.round(Math.min(plan.pace?.integrationMs ?? backendMs, INTEGRATION_TIMEOUT_MS - 1_000)),
      );
  return {
    endMs: atMs + latencyMs + random.between(1, 4),
    response: answer,
    responseBytes: answer.status === 204 ? 0 : Math.round(random.lognormal(900, 1)),
    integration: {
      latencyMs,
      requestId: random.uuid(),
      ...(answer.backendStatus === undefined ? {} : { status: answer.backendStatus }),
    },
  };
}

function claimsOf(plan: RequestPlan): Pick<RequestStory, 'claims'> {
  const { auth } = plan.route;
  if (auth !== 'cognito' && auth !== 'jwt' && auth !== 'iam') return {};
  const { id, customer } = plan.person;
  return { claims: { sub: id, ...(customer === undefined ? {} : { customer }) } };
}

/** `$context.path` carries the stage, except on `$default`. */
function pathOf(plan: RequestPlan): string {
  const path = plan.route.path.replace(/\{[^}]+\}/, plan.segment);
  return plan.stage.name === '$default' ? path : `/${plan.stage.name}${path}`;
}
