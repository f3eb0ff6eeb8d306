import type { AuthorizerKind } from '../model/inventory.ts';
import type {
  CustomerSource,
  Decision,
  DecisionSource,
  JoinKey,
  JoinOutcome,
} from '../model/request-record.ts';

/** What the values of a record mean, in words for people who do not know how Gatewatch works. */

export const DECISION_WORDS: Readonly<Record<Decision, string>> = {
  allow: 'let in',
  deny: 'refused by the authorizer or the gateway',
  refused_before: 'refused before any authorizer was asked',
  error: 'refused because the authorizer failed',
  unknown: 'nobody decided that we know of',
};

export const OUTCOME_WORDS: Readonly<Record<JoinOutcome, string>> = {
  matched: 'the access line and the authorizer invocation that decided this very request were found',
  cached_decision: 'the gateway reused a decision that an earlier invocation made and that is still cached',
  connection_decision: 'the decision was made when the WebSocket connection was opened',
  gateway_decision: 'the gateway decided by itself (JWT, Cognito or IAM); no Lambda log exists',
  no_authorizer: 'no authorizer stands before this route',
  no_authorizer_call: 'the request was refused or throttled before the authorizer would have been called',
  authorizer_error: 'the authorizer was called and failed: crash, timeout or an answer in a wrong form',
  access_only: 'the access line alone: it names no invocation, or none was found in time',
  authorizer_only:
    'an authorizer invocation alone: no request was found for it, as after a test in the console',
  ambiguous: 'the evidence conflicts, so nothing was joined',
};

export const KEY_WORDS: Readonly<Record<JoinKey, string>> = {
  authz_request_id:
    'the authorizer wrote its own request id into its context and the access line repeats it; no caller can choose it, and it is exact even for a cached decision',
  authorizer_request_id:
    "the gateway wrote the authorizer's Lambda request id into the access line; no caller can choose it",
  gateway_request_id:
    "both sides logged the gateway's request id. A REST caller can choose that id, so it counted only because one invocation lay within the time of this request",
  connection_id: 'both lines carry the WebSocket connection id, which the gateway gives out',
  none: 'no key was needed or none was found',
};

export const DECISION_SOURCE_WORDS: Readonly<Record<DecisionSource, string>> = {
  authorizer_log: "read from the authorizer's log",
  access_log: 'read from the access line',
  gateway: 'follows from what the gateway answered',
  none: 'no source',
};

export const CUSTOMER_SOURCE_WORDS: Readonly<Record<CustomerSource, string>> = {
  authorizer_context: "from the authorizer's context in the access line",
  authorizer_log: "from the authorizer's log",
  principal_map: 'from the configured map of principals to customers',
  unknown: 'named nowhere',
};

export const AUTHORIZER_WORDS: Readonly<Record<AuthorizerKind | 'unknown', string>> = {
  lambda_token: 'Lambda authorizer (token)',
  lambda_request: 'Lambda authorizer (request)',
  jwt: 'JWT authorizer',
  cognito: 'Cognito authorizer',
  iam: 'IAM',
  none: 'no authorizer',
  unknown: 'authorizer unknown',
};
