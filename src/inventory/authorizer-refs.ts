import type { ListedAuthorizer } from '../aws/listed-shapes.ts';
import type { AuthorizerKind, AuthorizerRef, LogGroupRef, Protocol } from '../model/inventory.ts';
import { matchesGlob } from './glob.ts';
import type { AuthorizerLogRule } from './inventory-settings.ts';
import { defaultLambdaLogGroup, type LambdaFunctionRef, lambdaFunctionOf } from './log-group-of.ts';

const KIND_BY_TYPE: Readonly<Record<string, AuthorizerKind>> = {
  TOKEN: 'lambda_token',
  REQUEST: 'lambda_request',
  COGNITO_USER_POOLS: 'cognito',
  JWT: 'jwt',
};

/** REST authorizers cache for five minutes unless told otherwise. */
const REST_DEFAULT_TTL_SECONDS = 300;

export interface MappedAuthorizers {
  readonly authorizers: Readonly<Record<string, AuthorizerRef>>;
  /** What could not be told, in words. */
  readonly problems: readonly string[];
}

/** Authorizers by id, each with the log group of the function behind it. */
export function mapAuthorizers(
  listed: readonly ListedAuthorizer[],
  protocol: Protocol,
  rules: readonly AuthorizerLogRule[],
): MappedAuthorizers {
  const authorizers: Record<string, AuthorizerRef> = {};
  const problems: string[] = [];
  for (const one of listed) {
    const kind = KIND_BY_TYPE[one.type];
    if (kind === undefined) {
      problems.push(
        `authorizer ${one.name} has type ${one.type}, which is unknown: its decisions cannot be told`,
      );
      continue;
    }
    const fn = one.authorizerUri === undefined ? undefined : lambdaFunctionOf(one.authorizerUri);
    const logGroup = isLambda(kind) ? logGroupOf(one.name, fn, rules) : undefined;
    if (isLambda(kind) && !logGroup) problems.push(noLogGroup(one));
    authorizers[one.authorizerId] = {
      authorizerId: one.authorizerId,
      name: one.name,
      kind,
      ttlMs: ttlMsOf(one, protocol),
      ...(fn && isLambda(kind) ? { functionName: fn.functionName } : {}),
      ...(logGroup ? { logGroup } : {}),
    };
  }
  return { authorizers, problems };
}

function isLambda(kind: AuthorizerKind): boolean {
  return kind === 'lambda_token' || kind === 'lambda_request';
}

function logGroupOf(
  name: string,
  fn: LambdaFunctionRef | undefined,
  rules: readonly AuthorizerLogRule[],
): LogGroupRef | undefined {
  const rule = rules.find(({ match }) => {
    const nameFits = match.name === undefined || matchesGlob(match.name, name);
    const functionFits =
      match.function === undefined || (fn !== undefined && matchesGlob(match.function, fn.functionName));
    return nameFits && functionFits;
  });
  return rule?.logGroup ?? (fn && defaultLambdaLogGroup(fn));
}

function noLogGroup(authorizer: ListedAuthorizer): string {
  return `authorizer ${authorizer.name} names no Lambda function in its URI (${authorizer.authorizerUri ?? 'none'}): give its logGroup under \`authorizers\``;
}

/**
 * Result cache. REST: 300 s when unset. HTTP: only when set. WebSocket authorizers are never cached, whatever is set:
 * the setting is documented for HTTP APIs alone.
 */
function ttlMsOf(authorizer: ListedAuthorizer, protocol: Protocol): number {
  if (protocol === 'WEBSOCKET') return 0;
  const unset = protocol === 'REST' ? REST_DEFAULT_TTL_SECONDS : 0;
  return (authorizer.ttlSeconds ?? unset) * 1_000;
}
