import type { AccessFields } from '../model/request-record.ts';

/**
 * Every `$context.*` variable an access-log format may hold and what becomes of it. An allow-list: a variable without
 * a row is dropped before anything is written, and so are secrets (`identity.apiKey` is the key itself).
 * Source: API Gateway developer guide, "Variables for access logging" (REST, WebSocket, HTTP API tables).
 */

type FieldsOfType<T> = {
  [K in keyof AccessFields]-?: NonNullable<AccessFields[K]> extends T ? K : never;
}[keyof AccessFields];

export type TextField = FieldsOfType<string>;
export type NumberField = FieldsOfType<number>;

/**
 * What a rendered value can look like, so that a template without quotes can be cut in one way only.
 * `number`: digits. `token`: no white space, quotes, brackets or list separators (ids, addresses, methods).
 * `clf_time`: `22/Nov/2026:10:00:00 +0000`. `phrase`: written by the owner of the API or the authorizer, no quotes or
 * angle brackets. `free`: a client had a hand in it, anything goes. Every shape admits `-` and the empty value.
 */
export type ValueShape = 'number' | 'token' | 'clf_time' | 'phrase' | 'free';

/** `id` stays as it is when it looks like an id; `text` and `path` pass the redactor; `plain` comes from AWS alone. */
export type Handling = 'id' | 'text' | 'path' | 'user_agent' | 'plain';

export type VariableTarget =
  | { readonly kind: 'text'; readonly field: TextField; readonly handling: Handling }
  | { readonly kind: 'number'; readonly field: NumberField; readonly unit: 'ms' | 'bytes' | 'code' }
  | { readonly kind: 'other'; readonly handling: Handling }
  | { readonly kind: 'time'; readonly form: 'clf' | 'epoch' }
  | { readonly kind: 'scope'; readonly of: 'apiId' | 'stage' | 'accountId' }
  | { readonly kind: 'join'; readonly key: 'authorizerRequestId' | 'authzRequestId' | 'authzApigwRequestId' }
  | { readonly kind: 'context' }
  | { readonly kind: 'drop'; readonly why: string };

export interface AccessLogVariable {
  readonly shape: ValueShape;
  readonly target: VariableTarget;
  /**
   * When two variables of one format have the same field, the lower rank gets it. The other is dropped as an alias,
   * or kept under its own name in `other` when it says something else.
   */
  readonly rank: number;
  readonly whenTaken: 'drop' | 'other';
  /** Set only once an authorizer was called: its absence on a line then means "not called". */
  readonly provesAuthorizerCall?: true;
}

const text = (
  field: TextField,
  handling: Handling,
  shape: ValueShape = 'token',
  rank = 0,
  whenTaken: 'drop' | 'other' = 'drop',
): AccessLogVariable => ({ shape, target: { kind: 'text', field, handling }, rank, whenTaken });

const number = (
  field: NumberField,
  unit: 'ms' | 'bytes' | 'code',
  rank = 0,
  whenTaken: 'drop' | 'other' = 'drop',
): AccessLogVariable => ({ shape: 'number', target: { kind: 'number', field, unit }, rank, whenTaken });

const other = (handling: Handling = 'plain', shape: ValueShape = 'token'): AccessLogVariable => ({
  shape,
  target: { kind: 'other', handling },
  rank: 0,
  whenTaken: 'drop',
});

const special = (target: VariableTarget, shape: ValueShape = 'token'): AccessLogVariable => ({
  shape,
  target,
  rank: 0,
  whenTaken: 'drop',
});

const drop = (why: string, shape: ValueShape = 'free') => special({ kind: 'drop', why }, shape);

const call = (variable: AccessLogVariable): AccessLogVariable => ({
  ...variable,
  provesAuthorizerCall: true,
});

const ROWS: Readonly<Record<string, AccessLogVariable>> = {
  accountId: special({ kind: 'scope', of: 'accountId' }),
  apiId: special({ kind: 'scope', of: 'apiId' }),
  stage: special({ kind: 'scope', of: 'stage' }),
  requestId: text('requestId', 'id'),
  extendedRequestId: text('extendedRequestId', 'id'),
  connectionId: text('connectionId', 'id'),
  messageId: text('messageId', 'id'),
  eventType: text('eventType', 'plain'),
  requestTime: special({ kind: 'time', form: 'clf' }, 'clf_time'),
  requestTimeEpoch: special({ kind: 'time', form: 'epoch' }, 'number'),
  httpMethod: text('method', 'text'),
  path: text('path', 'path', 'free'),
  routeKey: text('route', 'plain', 'phrase', 1, 'other'),
  resourcePath: text('route', 'plain', 'phrase', 0),
  resourceId: other(),
  protocol: text('protocolVersion', 'plain'),
  domainName: text('domainName', 'text'),
  domainPrefix: other('text'),
  'customDomain.basePathMatched': other('text', 'phrase'),
  status: number('status', 'code'),
  responseLength: number('responseLengthBytes', 'bytes'),
  responseLatency: number('responseLatencyMs', 'ms'),
  dataProcessed: other('plain', 'number'),
  'identity.sourceIp': text('sourceIp', 'plain'),
  'identity.userAgent': text('userAgent', 'user_agent', 'free'),

  'integration.status': text('integrationStatus', 'plain', 'token', 0),
  'integration.integrationStatus': text('integrationStatus', 'plain', 'token', 1, 'other'),
  integrationStatus: text('integrationStatus', 'plain', 'token', 2, 'other'),
  'integration.latency': number('integrationLatencyMs', 'ms', 0),
  integrationLatency: number('integrationLatencyMs', 'ms', 1),
  'integration.requestId': text('integrationRequestId', 'id', 'token', 0),
  awsEndpointRequestId: text('integrationRequestId', 'id', 'token', 1),
  awsEndpointRequestId2: other('id'),
  'integration.error': text('integrationError', 'text', 'free', 0),
  integrationErrorMessage: text('integrationError', 'text', 'free', 1),

  'authorizer.requestId': call(special({ kind: 'join', key: 'authorizerRequestId' })),
  'authorizer.authzRequestId': special({ kind: 'join', key: 'authzRequestId' }),
  'authorizer.authzApigwRequestId': special({ kind: 'join', key: 'authzApigwRequestId' }),
  'authorizer.authzAtMs': other('text', 'number'),
  'authorizer.status': call(text('authorizerStatus', 'plain', 'token', 0)),
  'authorizer.integrationStatus': call(text('authorizerStatus', 'plain', 'token', 1, 'other')),
  'authorizer.latency': call(number('authorizerLatencyMs', 'ms', 0)),
  'authorizer.integrationLatency': call(number('authorizerLatencyMs', 'ms', 1, 'other')),
  'authorizer.error': text('authorizerError', 'text', 'free'),
  'authorizer.claims': drop('all claims at once: name the ones to keep'),
  'authorize.status': other(),
  'authorize.latency': other('plain', 'number'),
  'authorize.error': other('text', 'free'),
  'authenticate.status': other(),
  'authenticate.latency': other('plain', 'number'),
  'authenticate.error': other('text', 'free'),

  'waf.status': text('wafStatus', 'plain', 'token', 0),
  'waf.latency': other('plain', 'number'),
  'waf.error': other('text', 'free'),
  wafResponseCode: text('wafResponseCode', 'plain'),
  webaclArn: other(),
  xrayTraceId: text('xrayTraceId', 'id'),
  'error.message': text('errorMessage', 'text', 'free', 0),
  'error.messageString': text('errorMessage', 'text', 'free', 1),
  'error.responseType': text('errorResponseType', 'plain'),
  'error.validationErrorString': other('text', 'free'),

  'identity.apiKeyId': other('id'),
  'identity.apiKey': drop('the secret itself', 'token'),
  'identity.accountId': other(),
  'identity.caller': special({ kind: 'context' }, 'token'),
  'identity.user': special({ kind: 'context' }, 'token'),
  'identity.userArn': special({ kind: 'context' }, 'token'),
  'identity.principalOrgId': other(),
  'identity.cognitoAuthenticationProvider': drop('names the user', 'phrase'),
  'identity.cognitoAuthenticationType': other(),
  'identity.cognitoIdentityId': special({ kind: 'context' }, 'token'),
  'identity.cognitoIdentityPoolId': other(),
  'identity.clientCert.clientCertPem': drop('a whole certificate'),
  'identity.clientCert.subjectDN': special({ kind: 'context' }, 'free'),
  'identity.clientCert.issuerDN': other('text', 'free'),
  'identity.clientCert.serialNumber': other('id'),
  'identity.clientCert.validity.notBefore': other('plain', 'phrase'),
  'identity.clientCert.validity.notAfter': other('plain', 'phrase'),
  connectedAt: other('plain', 'number'),
};

const CONTEXT: AccessLogVariable = special({ kind: 'context' }, 'phrase');
const UNKNOWN: AccessLogVariable = drop('not in the list of variables that may be kept');

/**
 * What is known of a variable, by its name without `$context.`. An unlisted `authorizer.<property>` is a value the
 * authorizer returned (context property or claim): read for customer and principal, never stored under its own name.
 */
export function accessLogVariable(name: string): AccessLogVariable {
  if (Object.hasOwn(ROWS, name)) return ROWS[name] ?? UNKNOWN;
  return name.startsWith('authorizer.') && !name.includes('+') ? CONTEXT : UNKNOWN;
}

export function listedAccessLogVariables(): readonly string[] {
  return Object.keys(ROWS);
}
