export type Protocol = 'REST' | 'HTTP' | 'WEBSOCKET';

/** How a stage or route decides who may come in. `mixed` never occurs: routes differ, so kind is looked up by route. */
export type AuthorizerKind = 'lambda_token' | 'lambda_request' | 'jwt' | 'cognito' | 'iam' | 'none';

/** One log group in one account and Region; the key of a log source's unit. */
export interface LogGroupRef {
  readonly account: string;
  readonly region: string;
  readonly logGroup: string;
}

/** What the place says of a log group. Absent members are not known, or do not apply. Milliseconds. */
export interface LogGroupFacts {
  /** How long events are kept; absent: for ever. */
  readonly retentionMs?: number;
  readonly createdMs?: number;
  /** `STANDARD`, `INFREQUENT_ACCESS`, `ESSENTIALS`, `DELIVERY`, or what comes after them; fixed when the group is made. */
  readonly logGroupClass?: string;
}

export interface AuthorizerRef {
  readonly authorizerId: string;
  readonly name: string;
  readonly kind: AuthorizerKind;
  /** Lambda function behind it, as its URI names it. */
  readonly functionName?: string;
  /** Log group of the Lambda function behind it; absent for kinds without a function. May lie in another account. */
  readonly logGroup?: LogGroupRef;
  /** Result cache, in milliseconds; 0 = no caching. */
  readonly ttlMs: number;
  /** Since when whole listings no longer have it: last lines of its function may still come. */
  readonly goneSinceMs?: number;
}

/** Which authorizer stands before which route. `routes` maps a REST `resourcePath` + method or an HTTP/WebSocket route key. */
export interface StageInventory {
  readonly account: string;
  readonly region: string;
  readonly apiId: string;
  readonly apiName: string;
  readonly stage: string;
  readonly protocol: Protocol;
  readonly tags: Readonly<Record<string, string>>;
  /** Where access lines go; absent when the stage has no access log (or writes to Firehose). */
  readonly accessLogGroup?: LogGroupRef;
  /** `logGroupClass` of that group; absent: not asked for, or not known. */
  readonly accessLogClass?: string;
  /** `accessLogSettings.format`, verbatim. */
  readonly accessLogFormat?: string;
  /** Formats this stage is known to have had before (lines of the past still carry them). */
  readonly earlierFormats: readonly string[];
  /** True when the stage publishes per-method or per-route metrics. */
  readonly detailedMetrics: boolean;
  /** True when the stage answers from a cache (REST), so that cache metrics exist. */
  readonly cacheEnabled?: boolean;
  /** Authorizers of the API by authorizer id. */
  readonly authorizers: Readonly<Record<string, AuthorizerRef>>;
  /**
   * Route → authorizer id, or the kind itself for `iam` and `none`. Keys: REST `GET /orders/{id}`, HTTP route key
   * `GET /orders`, WebSocket `$connect`. Absent route: `defaultAuthorizer`.
   */
  readonly routes: Readonly<Record<string, string>>;
  /** Route → its integration, where the API tells. Keys as in `routes`. */
  readonly integrations?: Readonly<Record<string, RouteIntegration>>;
  /** Authorizer id or kind for a line whose route is unknown; set only when all routes agree. */
  readonly defaultAuthorizer?: string;
  /** Since when whole listings no longer have it: last lines of it may still come. */
  readonly goneSinceMs?: number;
}

/** `timeoutMs` comes with the routes of a REST API; of HTTP and WebSocket APIs it is asked for by `id`, and only by alarms. */
export interface RouteIntegration {
  readonly id?: string;
  /** How long API Gateway waits for the backend. */
  readonly timeoutMs?: number;
}

export interface ListingProblem {
  readonly account: string;
  readonly region: string;
  readonly what: string;
  readonly reason: string;
  /** What was not listed whole, so that nothing of it is taken for gone. Absent: a remark, the listing is whole. */
  readonly unread?: UnreadPart;
}

/** `apis`: some APIs of the protocols; the others: that part of one API. */
export type UnreadPart =
  | { readonly part: 'apis'; readonly protocols: readonly Protocol[] }
  | { readonly part: 'stages' | 'authorizers' | 'routes'; readonly apiId: string };

/** `complete` = every listing was read to its end. When false, what is missing is unknown, never gone. */
export interface Inventory {
  readonly stages: readonly StageInventory[];
  readonly complete: boolean;
  readonly problems: readonly ListingProblem[];
  /** Stages that were listed and that the settings leave out, by `stageKey`. */
  readonly leftOut?: readonly string[];
  readonly readMs: number;
}

/** Identity of a stage over listings. */
export function stageKey(stage: Pick<StageInventory, 'account' | 'region' | 'apiId' | 'stage'>): string {
  return [stage.account, stage.region, stage.apiId, stage.stage].join('\n');
}
