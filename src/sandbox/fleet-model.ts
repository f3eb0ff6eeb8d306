import type { CompiledFormat } from './formats.ts';

/** How the generator describes an API. Nothing of the product's own model is used: the two must not share mistakes. */
export type FleetProtocol = 'REST' | 'HTTP' | 'WEBSOCKET';

export type RouteAuth = 'lambda' | 'cognito' | 'jwt' | 'iam' | 'none';

/** How a function writes its application lines. `pipe` is a home-made form that no preset knows. */
export type LogForm = 'text' | 'lambda_json' | 'powertools' | 'pipe';

export interface FleetFunction {
  readonly name: string;
  readonly account: string;
  readonly region: string;
  readonly logGroup: string;
  readonly form: LogForm;
  /** Logs the gateway request id it was called with; a TOKEN authorizer never sees one. */
  readonly logsGatewayId: 'never' | 'with_decision' | 'before_deciding';
  readonly memoryMb: number;
  readonly timeoutS: number;
  readonly medianMs: number;
}

export interface FleetAuthorizer {
  readonly id: string;
  readonly name: string;
  readonly type: 'TOKEN' | 'REQUEST';
  readonly function: FleetFunction;
  readonly ttlS: number;
  /** Returns its own ids in the context: `authzRequestId`, `authzApigwRequestId`, `authzAtMs`. */
  readonly echoes: boolean;
  /** Whether the gateway prints the context on a Deny. Unverified on AWS, so the fleet has both. */
  readonly contextOnDeny: boolean;
  /** Whether `authorizer.requestId` shows the original id on a cache hit. Unverified on AWS, so the fleet has both. */
  readonly idOnHit: boolean;
  /**
   * How long a fresh result stays unknown to the other gateway hosts. At least a second where the format's time is
   * cut to the second, so that a hit's interval never seems to hold the invocation.
   */
  readonly cacheDelayMs: number;
}

export interface FleetRoute {
  readonly method: string;
  /** REST `resourcePath`, HTTP route path, WebSocket route key. */
  readonly path: string;
  readonly auth: RouteAuth;
  readonly weight: number;
}

export interface FleetStage {
  readonly name: string;
  readonly weight: number;
  readonly format: CompiledFormat;
  /** What the stage logged until some moment within the history. */
  readonly earlierFormat?: CompiledFormat;
  readonly logGroup: string;
  readonly detailedMetrics: boolean;
  readonly tags: Readonly<Record<string, string>>;
}

export interface FleetApi {
  readonly account: string;
  readonly region: string;
  readonly id: string;
  readonly name: string;
  readonly protocol: FleetProtocol;
  readonly weight: number;
  readonly latencyMedianMs: number;
  readonly latencySigma: number;
  readonly stages: readonly FleetStage[];
  readonly routes: readonly FleetRoute[];
  readonly authorizer?: FleetAuthorizer;
  /** What happens here besides ordinary traffic, in turn: see `traffic-scenarios.ts`. */
  readonly specials: readonly SpecialScenario[];
}

export type SpecialScenario =
  | 'missing_identity'
  | 'unauthorized_thrown'
  | 'authorizer_crash'
  | 'authorizer_timeout'
  | 'authorizer_bad_shape'
  | 'authorizer_unreachable'
  | 'throttled'
  | 'waf_block'
  | 'no_such_route'
  | 'request_too_large'
  | 'forged_request_id'
  | 'reused_request_id'
  | 'overlapping_request_id'
  | 'replaced_request_id'
  | 'gateway_refused'
  | 'truncated_line'
  | 'garbage_access_line'
  | 'garbage_authorizer_line'
  | 'console_test';
