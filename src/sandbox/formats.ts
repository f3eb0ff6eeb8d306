import { GatewatchError } from '../core/errors.ts';

/**
 * Values of one access line by variable, all as API Gateway would print them: an unset variable is a bare hyphen.
 * Text that a client chose is already escaped (`escapeClientText`).
 */
export interface AccessLine {
  accountId: string;
  apiId: string;
  stage: string;
  requestId: string;
  extendedRequestId: string;
  requestTime: string;
  requestTimeEpoch: string;
  httpMethod: string;
  path: string;
  protocol: string;
  status: string;
  responseLength: string;
  responseLatency: string;
  resourcePath: string;
  resourceId: string;
  routeKey: string;
  domainName: string;
  integrationStatus: string;
  integrationServiceStatus: string;
  integrationLatency: string;
  integrationRequestId: string;
  integrationError: string;
  authorizerRequestId: string;
  authorizerStatus: string;
  authorizerLatency: string;
  authorizerError: string;
  principalId: string;
  orgCustomerId: string;
  authzRequestId: string;
  authzApigwRequestId: string;
  authzAtMs: string;
  claimsSub: string;
  claimsCustomer: string;
  wafStatus: string;
  wafResponseCode: string;
  xrayTraceId: string;
  errorMessage: string;
  errorResponseType: string;
  sourceIp: string;
  userAgent: string;
  caller: string;
  user: string;
  userArn: string;
  connectionId: string;
  connectedAt: string;
  eventType: string;
  messageId: string;
}

/** Variable of an access-log format → field above. Only `$context.*` exists in access logs. */
const FIELD_BY_VARIABLE: Readonly<Record<string, keyof AccessLine>> = {
  accountId: 'accountId',
  apiId: 'apiId',
  stage: 'stage',
  requestId: 'requestId',
  extendedRequestId: 'extendedRequestId',
  requestTime: 'requestTime',
  requestTimeEpoch: 'requestTimeEpoch',
  httpMethod: 'httpMethod',
  path: 'path',
  protocol: 'protocol',
  status: 'status',
  responseLength: 'responseLength',
  responseLatency: 'responseLatency',
  resourcePath: 'resourcePath',
  resourceId: 'resourceId',
  routeKey: 'routeKey',
  domainName: 'domainName',
  'integration.status': 'integrationStatus',
  'integration.integrationStatus': 'integrationServiceStatus',
  'integration.latency': 'integrationLatency',
  'integration.requestId': 'integrationRequestId',
  'integration.error': 'integrationError',
  integrationLatency: 'integrationLatency',
  'authorizer.requestId': 'authorizerRequestId',
  'authorizer.status': 'authorizerStatus',
  'authorizer.latency': 'authorizerLatency',
  'authorizer.error': 'authorizerError',
  'authorizer.principalId': 'principalId',
  'authorizer.orgCustomerId': 'orgCustomerId',
  'authorizer.authzRequestId': 'authzRequestId',
  'authorizer.authzApigwRequestId': 'authzApigwRequestId',
  'authorizer.authzAtMs': 'authzAtMs',
  'authorizer.claims.sub': 'claimsSub',
  'authorizer.claims.org_customer_id': 'claimsCustomer',
  'waf.status': 'wafStatus',
  wafResponseCode: 'wafResponseCode',
  xrayTraceId: 'xrayTraceId',
  'error.message': 'errorMessage',
  'error.responseType': 'errorResponseType',
  'identity.sourceIp': 'sourceIp',
  'identity.userAgent': 'userAgent',
  'identity.caller': 'caller',
  'identity.user': 'user',
  'identity.userArn': 'userArn',
  connectionId: 'connectionId',
  connectedAt: 'connectedAt',
  eventType: 'eventType',
  messageId: 'messageId',
};

export interface CompiledFormat {
  readonly text: string;
  /** True when the format prints this variable (name without `$context.`). */
  logs(variable: string): boolean;
  render(line: AccessLine): string;
}

/** Prepares a format for rendering. Throws for a variable that no access log knows: the fleet itself would be wrong. */
export function compileFormat(text: string): CompiledFormat {
  const literals: string[] = [];
  const fields: (keyof AccessLine)[] = [];
  const variables = new Set<string>();
  let end = 0;
  for (const match of text.matchAll(/\$context\.([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)/g)) {
    const variable = match[1] ?? '';
    variables.add(variable);
    literals.push(text.slice(end, match.index));
    fields.push(fieldOf(variable));
    end = match.index + match[0].length;
  }
  const tail = text.slice(end);
  return {
    text,
    logs: (variable) => variables.has(variable),
    render: (line) => renderLine(literals, fields, tail, line),
  };
}

/** The array is joined, not added up: a flat string takes a fraction of the memory of a tree of pieces. */
function renderLine(
  literals: readonly string[],
  fields: readonly (keyof AccessLine)[],
  tail: string,
  line: AccessLine,
): string {
  const pieces: string[] = [];
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    if (field === undefined) break;
    pieces.push(literals[i] ?? '', line[field]);
  }
  pieces.push(tail);
  return pieces.join('');
}

function fieldOf(variable: string): keyof AccessLine {
  const field = FIELD_BY_VARIABLE[variable];
  if (field !== undefined) return field;
  throw new GatewatchError(
    'unknown_variable',
    `Expected a variable that access logs know, got \`$context.${variable}\` in a format of the sandbox fleet`,
  );
}

/**
 * Escapes what a client sent the way a retest of 2024 saw API Gateway do it for the user agent: like the inside of a
 * JSON string, whatever the format around it.
 */
export function escapeClientText(text: string): string {
  return /["\\\p{Cc}]/u.test(text) ? JSON.stringify(text).slice(1, -1) : text;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
let lastSecond = Number.NaN;
let lastText = '';

/** `$context.requestTime`: `dd/MMM/yyyy:HH:mm:ss +0000`, cut to the second. */
export function clfTime(ms: number): string {
  const second = Math.floor(ms / 1_000);
  if (second === lastSecond) return lastText;
  const iso = new Date(second * 1_000).toISOString();
  const month = MONTHS[Number(iso.slice(5, 7)) - 1] ?? '';
  lastSecond = second;
  lastText = `${iso.slice(8, 10)}/${month}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
  return lastText;
}
