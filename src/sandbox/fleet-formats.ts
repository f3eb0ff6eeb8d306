/**
 * The access-log formats of the fleet. Every one prints `error.responseType` and an extended request id, because
 * without them nobody could say from the line alone what became of a request.
 */

/** One line of JSON, every value quoted, as the AWS guide advises. */
function jsonFormat(variables: Readonly<Record<string, string>>, bare: readonly string[] = []): string {
  const members = Object.entries(variables).map(([key, variable]) =>
    bare.includes(key) ? `"${key}":$context.${variable}` : `"${key}":"$context.${variable}"`,
  );
  return `{${members.join(',')}}`;
}

const REST_COMMON = {
  requestId: 'requestId',
  extendedRequestId: 'extendedRequestId',
  requestTimeEpoch: 'requestTimeEpoch',
  apiId: 'apiId',
  stage: 'stage',
  httpMethod: 'httpMethod',
  resourcePath: 'resourcePath',
  path: 'path',
  protocol: 'protocol',
  status: 'status',
  responseLatency: 'responseLatency',
  responseLength: 'responseLength',
  sourceIp: 'identity.sourceIp',
  userAgent: 'identity.userAgent',
};

const OUTCOME = {
  integrationRequestId: 'integration.requestId',
  integrationStatus: 'integration.status',
  integrationLatency: 'integration.latency',
  integrationError: 'integration.error',
  wafStatus: 'waf.status',
  wafResponseCode: 'wafResponseCode',
  errorMessage: 'error.message',
  errorResponseType: 'error.responseType',
};

const AUTHORIZER = {
  authorizerRequestId: 'authorizer.requestId',
  authorizerStatus: 'authorizer.status',
  authorizerLatency: 'authorizer.latency',
  authorizerError: 'authorizer.error',
  principalId: 'authorizer.principalId',
  orgCustomerId: 'authorizer.orgCustomerId',
};

const ECHO = {
  authzRequestId: 'authorizer.authzRequestId',
  authzApigwRequestId: 'authorizer.authzApigwRequestId',
  authzAtMs: 'authorizer.authzAtMs',
};

/** The recommended fields for REST, with the authorizer's own ids echoed. */
export const JSON_WITH_ECHO = jsonFormat({
  ...REST_COMMON,
  domainName: 'domainName',
  ...AUTHORIZER,
  ...ECHO,
  ...OUTCOME,
  xrayTraceId: 'xrayTraceId',
});

/** What the same stage logged before: other member names, fewer of them, in another order. */
export const JSON_BEFORE_CHANGE = jsonFormat({
  time: 'requestTimeEpoch',
  id: 'extendedRequestId',
  gatewayRequestId: 'requestId',
  api: 'apiId',
  stageName: 'stage',
  method: 'httpMethod',
  resource: 'resourcePath',
  uri: 'path',
  code: 'status',
  ms: 'responseLatency',
  bytes: 'responseLength',
  ip: 'identity.sourceIp',
  agent: 'identity.userAgent',
  authz: 'authorizer.requestId',
  decidedBy: 'authorizer.authzRequestId',
  customer: 'authorizer.orgCustomerId',
  sub: 'authorizer.principalId',
  backend: 'integration.status',
  error: 'error.responseType',
});

/** Numbers without quotes: invalid JSON as soon as a phase did not run and its value is a bare hyphen. */
export const JSON_WITH_BARE_NUMBERS = jsonFormat({ ...REST_COMMON, ...AUTHORIZER, ...OUTCOME }, [
  'requestTimeEpoch',
  'status',
  'responseLatency',
  'responseLength',
  'integrationStatus',
  'integrationLatency',
  'authorizerStatus',
  'authorizerLatency',
]);

/** As before, with the authorizer's ids echoed. */
export const JSON_WITH_BARE_NUMBERS_AND_ECHO = jsonFormat(
  { ...REST_COMMON, ...AUTHORIZER, ...ECHO, ...OUTCOME },
  ['status', 'responseLatency', 'responseLength', 'integrationLatency', 'authorizerLatency'],
);

/** Common Log Format with the ids that make it useful. Its time is cut to the second. */
export const CLF_WITH_AUTHORIZER =
  '$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime]' +
  ' "$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength' +
  ' $context.requestId $context.extendedRequestId $context.error.responseType $context.authorizer.requestId' +
  ' "$context.identity.userAgent"';

/** The console's CLF template and the error's type, for an API that asks nobody who they are. */
export const CLF_PLAIN =
  '$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime]' +
  ' "$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength' +
  ' $context.requestId $context.extendedRequestId $context.error.responseType';

/** CSV without API and stage: only its shape tells which stage of the shared group wrote the line. */
export const CSV =
  '$context.identity.sourceIp,$context.identity.caller,$context.identity.user,$context.requestTime,' +
  '$context.requestTimeEpoch,$context.httpMethod,$context.resourcePath,$context.protocol,$context.status,' +
  '$context.responseLength,$context.responseLatency,$context.requestId,$context.extendedRequestId,' +
  '$context.error.responseType,$context.authorizer.requestId,$context.authorizer.principalId,' +
  '$context.authorizer.orgCustomerId,"$context.identity.userAgent"';

/** XML that says nothing of the authorizer: the request id is the only way to its log. */
export const XML_WITHOUT_AUTHORIZER =
  '<request id="$context.requestId"><extendedId>$context.extendedRequestId</extendedId>' +
  '<timeEpoch>$context.requestTimeEpoch</timeEpoch><api>$context.apiId</api><stage>$context.stage</stage>' +
  '<ip>$context.identity.sourceIp</ip><method>$context.httpMethod</method><resource>$context.resourcePath</resource>' +
  '<status>$context.status</status><latency>$context.responseLatency</latency><length>$context.responseLength</length>' +
  '<integrationStatus>$context.integration.status</integrationStatus>' +
  '<errorType>$context.error.responseType</errorType><userAgent>$context.identity.userAgent</userAgent></request>';

export const COGNITO_JSON = jsonFormat({
  ...REST_COMMON,
  sub: 'authorizer.claims.sub',
  customer: 'authorizer.claims.org_customer_id',
  ...OUTCOME,
});

export const IAM_JSON = jsonFormat({
  ...REST_COMMON,
  caller: 'identity.caller',
  userArn: 'identity.userArn',
  ...OUTCOME,
});

const HTTP_COMMON = {
  requestId: 'requestId',
  extendedRequestId: 'extendedRequestId',
  requestTimeEpoch: 'requestTimeEpoch',
  apiId: 'apiId',
  stage: 'stage',
  httpMethod: 'httpMethod',
  routeKey: 'routeKey',
  path: 'path',
  protocol: 'protocol',
  status: 'status',
  responseLatency: 'responseLatency',
  responseLength: 'responseLength',
  sourceIp: 'identity.sourceIp',
  userAgent: 'identity.userAgent',
};

const HTTP_OUTCOME = {
  integrationStatus: 'integration.status',
  integrationLatency: 'integration.latency',
  integrationError: 'integration.error',
  authorizerError: 'authorizer.error',
  errorMessage: 'error.message',
  errorResponseType: 'error.responseType',
};

/** HTTP API: `authorizer.requestId` is not documented there, so the echoed ids carry the join. */
export const HTTP_JSON_WITH_ECHO = jsonFormat({
  ...HTTP_COMMON,
  orgCustomerId: 'authorizer.orgCustomerId',
  ...ECHO,
  ...HTTP_OUTCOME,
});

export const HTTP_JWT_JSON = jsonFormat({
  ...HTTP_COMMON,
  sub: 'authorizer.claims.sub',
  customer: 'authorizer.claims.org_customer_id',
  ...HTTP_OUTCOME,
});

export const WEBSOCKET_JSON = jsonFormat({
  requestId: 'requestId',
  extendedRequestId: 'extendedRequestId',
  requestTimeEpoch: 'requestTimeEpoch',
  apiId: 'apiId',
  stage: 'stage',
  eventType: 'eventType',
  routeKey: 'routeKey',
  connectionId: 'connectionId',
  connectedAt: 'connectedAt',
  messageId: 'messageId',
  status: 'status',
  sourceIp: 'identity.sourceIp',
  userAgent: 'identity.userAgent',
  authorizerRequestId: 'authorizer.requestId',
  principalId: 'authorizer.principalId',
  orgCustomerId: 'authorizer.orgCustomerId',
  integrationStatus: 'integration.status',
  integrationLatency: 'integration.latency',
  errorMessage: 'error.message',
  errorResponseType: 'error.responseType',
});
