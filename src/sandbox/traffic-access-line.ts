import type { FleetApi, FleetRoute, FleetStage } from './fleet-model.ts';
import { type AccessLine, type CompiledFormat, clfTime, escapeClientText } from './formats.ts';
import type { GatewayResponse } from './traffic-responses.ts';
import type { Authorization, LineEvidence } from './traffic-truth.ts';

/** What the gateway did with one request, times in milliseconds since the epoch. */
export interface RequestStory {
  readonly api: FleetApi;
  readonly stage: FleetStage;
  readonly route: FleetRoute;
  readonly routeFound: boolean;
  readonly startMs: number;
  readonly endMs: number;
  readonly requestId: string;
  readonly extendedRequestId: string;
  readonly path: string;
  readonly sourceIp: string;
  readonly userAgent: string;
  readonly response: GatewayResponse;
  readonly responseBytes: number;
  readonly integration?: { readonly status?: number; readonly latencyMs: number; readonly requestId: string };
  readonly authorization: Authorization;
  /** Who the gateway's own authorizer (Cognito, JWT, IAM) found. */
  readonly claims?: Claims;
  readonly webSocket?: WebSocketFacts;
}

export interface Claims {
  readonly sub: string;
  readonly customer?: string;
}

export interface WebSocketFacts {
  readonly connectionId: string;
  readonly connectedMs: number;
  readonly eventType: 'CONNECT' | 'MESSAGE' | 'DISCONNECT';
  readonly messageId?: string;
}

const UNSET: AccessLine = {
  accountId: '-',
  apiId: '-',
  stage: '-',
  requestId: '-',
  extendedRequestId: '-',
  requestTime: '-',
  requestTimeEpoch: '-',
  httpMethod: '-',
  path: '-',
  protocol: '-',
  status: '-',
  responseLength: '-',
  responseLatency: '-',
  resourcePath: '-',
  resourceId: '-',
  routeKey: '-',
  domainName: '-',
  integrationStatus: '-',
  integrationServiceStatus: '-',
  integrationLatency: '-',
  integrationRequestId: '-',
  integrationError: '-',
  authorizerRequestId: '-',
  authorizerStatus: '-',
  authorizerLatency: '-',
  authorizerError: '-',
  principalId: '-',
  orgCustomerId: '-',
  authzRequestId: '-',
  authzApigwRequestId: '-',
  authzAtMs: '-',
  claimsSub: '-',
  claimsCustomer: '-',
  wafStatus: '-',
  wafResponseCode: '-',
  xrayTraceId: '-',
  errorMessage: '-',
  errorResponseType: '-',
  sourceIp: '-',
  userAgent: '-',
  caller: '-',
  user: '-',
  userArn: '-',
  connectionId: '-',
  connectedAt: '-',
  eventType: '-',
  messageId: '-',
};

export function accessLineOf(story: RequestStory): AccessLine {
  const line = { ...UNSET };
  fillRequest(line, story);
  fillResponse(line, story);
  fillAuthorizer(line, story);
  if (story.claims !== undefined) fillClaims(line, story, story.claims);
  if (story.webSocket !== undefined) fillWebSocket(line, story.webSocket);
  return line;
}

/** What of a line's intended values its format gives away. */
export function evidenceOf(line: AccessLine, format: CompiledFormat, twin: boolean): LineEvidence {
  const shown = (variable: string, value: string) =>
    format.logs(variable) && value !== '-' ? value : undefined;
  const customer =
    shown('authorizer.orgCustomerId', line.orgCustomerId) ??
    shown('authorizer.claims.org_customer_id', line.claimsCustomer);
  const principal =
    shown('authorizer.principalId', line.principalId) ??
    shown('authorizer.claims.sub', line.claimsSub) ??
    shown('identity.userArn', line.userArn);
  return {
    echo: shown('authorizer.authzRequestId', line.authzRequestId) !== undefined,
    authorizerRequestId: shown('authorizer.requestId', line.authorizerRequestId) !== undefined,
    requestId: format.logs('requestId') && line.requestId !== REPLACED_REQUEST_ID,
    twin,
    ...(customer === undefined ? {} : { customer }),
    ...(principal === undefined ? {} : { principal }),
  };
}

/** What REST logs when a client's `x-amzn-RequestId` is no UUID. */
export const REPLACED_REQUEST_ID = 'UUID_REPLACED_INVALID_REQUEST_ID';

function fillRequest(line: AccessLine, story: RequestStory): void {
  line.accountId = story.api.account;
  line.apiId = story.api.id;
  line.stage = story.stage.name;
  line.requestId = story.requestId;
  line.extendedRequestId = story.extendedRequestId;
  line.requestTime = clfTime(story.startMs);
  line.requestTimeEpoch = String(story.startMs);
  line.domainName = `${story.api.id}.execute-api.${story.api.region}.amazonaws.com`;
  line.sourceIp = story.sourceIp;
  line.userAgent = escapeClientText(story.userAgent);
  if (story.api.protocol === 'WEBSOCKET') {
    line.routeKey = story.route.path;
    return;
  }
  line.httpMethod = story.route.method;
  line.path = story.path;
  line.protocol = 'HTTP/1.1';
  if (story.api.protocol === 'HTTP') line.routeKey = `${story.route.method} ${story.route.path}`;
  else if (story.routeFound) line.resourcePath = story.route.path;
}

function fillResponse(line: AccessLine, story: RequestStory): void {
  const { response, integration } = story;
  line.status = String(response.status);
  line.errorMessage = response.message;
  line.errorResponseType = response.errorType;
  if (story.api.protocol !== 'WEBSOCKET') {
    line.responseLength = String(story.responseBytes);
    line.responseLatency = String(story.endMs - story.startMs);
  }
  if (response.errorType === 'WAF_FILTERED') {
    line.wafStatus = '403';
    line.wafResponseCode = 'WAF_BLOCK';
  }
  if (integration === undefined) return;
  line.integrationLatency = String(integration.latencyMs);
  line.integrationRequestId = integration.requestId;
  if (integration.status === undefined) {
    line.integrationError = response.message;
    return;
  }
  line.integrationStatus = String(integration.status);
  line.integrationServiceStatus = '200';
}

const STATUS_BY_VERDICT = {
  allow: '200',
  explicit_deny: '200',
  implicit_deny: '200',
  unauthorized: '401',
  failure: '500',
} as const;

function fillAuthorizer(line: AccessLine, story: RequestStory): void {
  const { authorization, api } = story;
  const { authorizer } = api;
  if (authorizer === undefined) return;
  if (authorization.kind === 'unreachable') line.authorizerError = 'Invoke permission missing';
  if (authorization.kind !== 'called' && authorization.kind !== 'cached') return;
  const called = authorization.kind === 'called' ? authorization.invocation : undefined;
  const decision = authorization.kind === 'cached' ? authorization.decision : undefined;
  const id = called?.lambdaRequestId ?? decision?.lambdaRequestId ?? '-';
  if (api.protocol !== 'HTTP' && (called !== undefined || authorizer.idOnHit)) line.authorizerRequestId = id;
  if (called !== undefined && api.protocol !== 'HTTP') {
    line.authorizerStatus = STATUS_BY_VERDICT[authorization.verdict];
    line.authorizerLatency = String(called.endMs - called.startMs);
  }
  if (authorization.verdict === 'failure') line.authorizerError = 'Authorizer function failed';
  if (isContextPrinted(story, authorization.verdict)) fillContext(line, story, id);
}

/** A function that threw or failed returned no context; on a Deny it depends on the API. */
function isContextPrinted(story: RequestStory, verdict: string): boolean {
  if (verdict === 'allow') return true;
  const denied = verdict === 'explicit_deny' || verdict === 'implicit_deny';
  return denied && story.api.authorizer?.contextOnDeny === true;
}

function fillContext(line: AccessLine, story: RequestStory, lambdaRequestId: string): void {
  const { authorization, api } = story;
  const cached = authorization.kind === 'cached' ? authorization.decision : undefined;
  const called = authorization.kind === 'called' ? authorization.invocation : undefined;
  line.principalId = cached?.principal ?? called?.loggedPrincipal ?? '-';
  line.orgCustomerId = cached?.customer ?? called?.loggedCustomer ?? '-';
  if (api.authorizer?.echoes !== true) return;
  line.authzRequestId = lambdaRequestId;
  line.authzApigwRequestId = cached === undefined ? story.requestId : (cached.gatewayRequestId ?? '-');
  line.authzAtMs = String(cached?.decidedMs ?? called?.endMs ?? '-');
}

function fillClaims(line: AccessLine, { api, route }: RequestStory, claims: Claims): void {
  if (route.auth === 'iam') {
    line.caller = `AIDA${claims.sub.toUpperCase().replaceAll(/[^A-Z0-9]/g, '')}`;
    line.userArn = `arn:aws:iam::${api.account}:user/${claims.sub}`;
    return;
  }
  line.claimsSub = claims.sub;
  line.claimsCustomer = claims.customer ?? '-';
}

function fillWebSocket(line: AccessLine, facts: WebSocketFacts): void {
  line.connectionId = facts.connectionId;
  line.connectedAt = String(facts.connectedMs);
  line.eventType = facts.eventType;
  line.messageId = facts.messageId ?? '-';
}
