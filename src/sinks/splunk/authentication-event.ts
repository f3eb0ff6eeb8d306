import { CONSTANT_SPLUNK_FIELDS } from '../../catalog/fields.ts';
import type { AuthorizerKind } from '../../model/inventory.ts';
import type { Decision, RequestRecord } from '../../model/request-record.ts';
import { member, type Quote } from './json-members.ts';

type Decided = Extract<Decision, 'allow' | 'deny' | 'error'>;

const ACTION: Readonly<
  Record<Decided, { readonly action: string; readonly signature: string; readonly id: string }>
> = {
  allow: { action: 'success', signature: 'API Gateway authorizer allowed', id: 'ALLOW' },
  deny: { action: 'failure', signature: 'API Gateway authorizer denied', id: 'DENY' },
  error: { action: 'error', signature: 'API Gateway authorizer failed', id: 'AUTHORIZER_FAILURE' },
};

const METHOD: Readonly<Record<AuthorizerKind | 'unknown', string | undefined>> = {
  lambda_token: 'lambda_authorizer',
  lambda_request: 'lambda_authorizer',
  jwt: 'jwt',
  cognito: 'cognito',
  iam: 'iam',
  none: undefined,
  unknown: undefined,
};

const CONSTANT_MEMBERS = ['authentication_service', 'vendor_product']
  .map((name) => member(name, CONSTANT_SPLUNK_FIELDS[name]))
  .join('');

/** A request refused before the authorizer, or on a route without one, was never decided: it has no such event. */
export function hasDecision(record: RequestRecord): boolean {
  return isDecided(record.decision);
}

/**
 * One decision as CIM's Authentication model wants it: success, failure or error, and **seconds**. `shared` = the
 * members it has in common with the access event, which come first; CIM requires a user and a source, and calls what is missing unknown.
 */
export function authenticationEvent(record: RequestRecord, shared: string, quoted: Quote): string {
  const known = isDecided(record.decision) ? ACTION[record.decision] : undefined;
  const members =
    shared +
    member('action', known?.action ?? 'unknown') +
    member('signature', known?.signature) +
    member('signature_id', record.errorResponseType ?? known?.id, quoted) +
    member('reason', record.decisionReason, quoted) +
    (record.principal === undefined ? member('user', 'unknown') : '') +
    (record.sourceIp === undefined ? member('src', 'unknown') : '') +
    member('vendor_account', record.account, quoted) +
    member('dest', record.domainName ?? record.apiId, quoted) +
    member('user_agent', record.userAgent, quoted) +
    member('authentication_method', METHOD[record.authorizerKind]) +
    member('response_time', responseSeconds(record)) +
    CONSTANT_MEMBERS;
  return `{${members}}`;
}

/** CIM wants 0 < x < 3600 seconds; anything else is left out. A cached decision took no time of its own. */
function responseSeconds(record: RequestRecord): number | undefined {
  const ms = record.authorizerLatencyMs ?? record.invocationDurationMs;
  return ms !== undefined && ms > 0 && ms < 3_600_000 ? ms / 1_000 : undefined;
}

function isDecided(decision: Decision): decision is Decided {
  return decision === 'allow' || decision === 'deny' || decision === 'error';
}
