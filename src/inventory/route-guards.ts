import type { ListedRoute } from '../aws/listed-shapes.ts';
import type { RouteIntegration } from '../model/inventory.ts';

/** Which authorizer stands before which route: route → authorizer id, or the kind itself for `iam` and `none`. */
export function mapRoutes(listed: readonly ListedRoute[]): Readonly<Record<string, string>> {
  return Object.fromEntries(listed.map((route) => [route.routeKey, guardOf(route)]));
}

/** Route → its integration; `undefined` when no route tells. */
export function mapIntegrations(
  listed: readonly ListedRoute[],
): Readonly<Record<string, RouteIntegration>> | undefined {
  const told = listed.flatMap(({ routeKey, integration }) =>
    integration === undefined ? [] : [[routeKey, integration] as const],
  );
  return told.length === 0 ? undefined : Object.fromEntries(told);
}

/** The guard that every route has, so that a line with an unknown route can be told too; only of a whole listing. */
export function sharedGuard(routes: Readonly<Record<string, string>>): string | undefined {
  const guards = new Set(Object.values(routes));
  const [only] = guards;
  return guards.size === 1 ? only : undefined;
}

function guardOf(route: ListedRoute): string {
  if (route.authorizationType === 'AWS_IAM') return 'iam';
  return route.authorizerId ?? 'none';
}
