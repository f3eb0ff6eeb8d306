import type { AuthorizerKind, AuthorizerRef, LogGroupRef, StageInventory } from '../../model/inventory.ts';
import type { AccessFields } from '../../model/request-record.ts';

/** What stands before the route of a line. `ref` only where there is an authorizer with an id. */
export interface RouteAuthorizer {
  readonly kind: AuthorizerKind | 'unknown';
  readonly ref?: AuthorizerRef;
}

const KINDS: readonly AuthorizerKind[] = ['lambda_token', 'lambda_request', 'jwt', 'cognito', 'iam', 'none'];

const UNKNOWN: RouteAuthorizer = { kind: 'unknown' };

/**
 * Looks the authorizer up by route: REST by method and `resourcePath` (a method of its own before `ANY`), HTTP by route
 * key. A WebSocket asks its authorizer on `$connect` only, so every line of a connection has that one.
 */
export function authorizerOfRoute(stage: StageInventory, fields: AccessFields): RouteAuthorizer {
  const { method, route } = fields;
  const named = namedForRoute(stage, method, route) ?? stage.defaultAuthorizer;
  return named === undefined ? UNKNOWN : authorizerNamed(stage, named);
}

export function logUnit(group: LogGroupRef): string {
  return `logs:${group.account}:${group.region}:${group.logGroup}`;
}

function namedForRoute(
  stage: StageInventory,
  method: string | undefined,
  route: string | undefined,
): string | undefined {
  if (stage.protocol === 'WEBSOCKET') return own(stage.routes, '$connect');
  if (route === undefined) return undefined;
  if (stage.protocol === 'HTTP' || method === undefined) return own(stage.routes, route);
  return own(stage.routes, `${method} ${route}`) ?? own(stage.routes, `ANY ${route}`);
}

function authorizerNamed(stage: StageInventory, name: string): RouteAuthorizer {
  const ref = own(stage.authorizers, name);
  if (ref !== undefined) return { kind: ref.kind, ref };
  const kind = KINDS.find((one) => one === name);
  return kind === undefined ? UNKNOWN : { kind };
}

/** Names come from log lines: an inherited one such as `constructor` is no route. */
function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
