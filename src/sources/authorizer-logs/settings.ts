/** Which form an authorizer's lines have; `auto` tries each on every line. Platform lines are read under all of them. */
export type AuthorizerPreset = 'auto' | 'text' | 'lambda_json' | 'powertools' | 'custom';

/** Where a value stands: at the first of several JSON paths that is there, or after `key=` (or `key:`) in text. */
export type FieldPlace = { readonly path: readonly string[] } | { readonly key: string };

export type AuthorizerField =
  | 'decision'
  | 'reason'
  | 'principal'
  | 'customer'
  | 'gatewayRequestId'
  | 'connectionId'
  | 'lambdaRequestId';

/** How to read the lines of one authorizer function. */
export interface AuthorizerFormSettings {
  readonly preset: AuthorizerPreset;
  /** Replaces the preset's place of a field; what is absent stays as the preset has it. */
  readonly fields: Readonly<Partial<Record<AuthorizerField, FieldPlace>>>;
  /** Words that mean allow and deny, any case; absent = the usual ones. */
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

export const AUTO_FORM: AuthorizerFormSettings = { preset: 'auto', fields: {} };

/**
 * Usual names, tried in order. `requestId` is missing from the gateway's list on purpose: in a Lambda line it is as
 * often the invocation's own id, and the two must never be taken for each other.
 */
export const DEFAULT_PATHS: Readonly<Record<AuthorizerField, readonly string[]>> = {
  decision: [
    'decision',
    'authDecision',
    'effect',
    'Effect',
    'isAuthorized',
    'authorized',
    'allowed',
    'verdict',
  ],
  reason: ['reason', 'denyReason', 'deny_reason', 'decisionReason', 'cause', 'why'],
  principal: [
    'principalId',
    'principal_id',
    'principal',
    'sub',
    'userId',
    'user_id',
    'clientId',
    'client_id',
  ],
  customer: [
    'orgCustomerId',
    'x_org_customer_id',
    'customerId',
    'customer_id',
    'customer',
    'context.orgCustomerId',
    'context.x_org_customer_id',
    'context.customerId',
    'claims.org_customer_id',
  ],
  gatewayRequestId: [
    'apigwRequestId',
    'apigw_request_id',
    'gatewayRequestId',
    'gateway_request_id',
    'apiGatewayRequestId',
    'authzApigwRequestId',
    'requestContext.requestId',
    'event.requestContext.requestId',
    'correlation_id',
    'correlationId',
  ],
  connectionId: [
    'connectionId',
    'connection_id',
    'requestContext.connectionId',
    'event.requestContext.connectionId',
  ],
  lambdaRequestId: [
    'function_request_id',
    'awsRequestId',
    'aws_request_id',
    'lambdaRequestId',
    'lambda_request_id',
  ],
};

export const ALLOW_WORDS: readonly string[] = [
  'allow',
  'allowed',
  'permit',
  'permitted',
  'grant',
  'granted',
  'accept',
  'accepted',
  'authorized',
  'authorised',
  'true',
];

export const DENY_WORDS: readonly string[] = [
  'deny',
  'denied',
  'refuse',
  'refused',
  'reject',
  'rejected',
  'forbid',
  'forbidden',
  'unauthorized',
  'unauthorised',
  'false',
];

export const ERROR_WORDS: readonly string[] = ['error', 'failed', 'failure', 'crash'];
