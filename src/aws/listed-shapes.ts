import type { Protocol, RouteIntegration } from '../model/inventory.ts';

/** What both control planes of API Gateway tell, in one form. */
export interface ListedApi {
  readonly apiId: string;
  readonly name: string;
  readonly protocol: Protocol;
  readonly tags: Readonly<Record<string, string>>;
}

export interface ListedStage {
  readonly stage: string;
  /** `accessLogSettings.destinationArn`: a log group, or a Firehose stream. */
  readonly destinationArn?: string;
  /** `accessLogSettings.format`, verbatim. */
  readonly format?: string;
  readonly tags: Readonly<Record<string, string>>;
  /** True when any method or route of the stage publishes detailed metrics. */
  readonly detailedMetrics: boolean;
  /** REST: the stage has a cache cluster. */
  readonly cacheEnabled: boolean;
}

export interface ListedAuthorizer {
  readonly authorizerId: string;
  readonly name: string;
  /** `TOKEN`, `REQUEST`, `COGNITO_USER_POOLS` or `JWT`; open, as AWS may add to it. */
  readonly type: string;
  /** The Lambda function's invocation URI, for types that call one. */
  readonly authorizerUri?: string;
  /** As set; absent when the API leaves its default. */
  readonly ttlSeconds?: number;
}

export interface ListedRoute {
  /** REST `GET /orders/{id}`, HTTP route key `GET /orders`, WebSocket `$connect`. */
  readonly routeKey: string;
  /** `NONE`, `AWS_IAM`, `CUSTOM`, `COGNITO_USER_POOLS` or `JWT`; open. */
  readonly authorizationType: string;
  /** What is behind it. REST tells the time it may take, HTTP and WebSocket APIs its id. */
  readonly integration?: RouteIntegration;
  readonly authorizerId?: string;
}
