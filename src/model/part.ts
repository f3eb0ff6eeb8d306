import type { AuthorizerKind, Protocol } from './inventory.ts';
import type { AccessFields, CustomerSource } from './request-record.ts';
import type { SourceRef } from './source-event.ts';

/** Which stage a line belongs to, as the inventory or the line itself tells. */
export interface StageRef {
  readonly account: string;
  readonly region: string;
  readonly apiId: string;
  readonly apiName: string;
  readonly stage: string;
  readonly protocol: Protocol | 'UNKNOWN';
}

/** One access line, parsed and redacted. Ids that take part in joins are kept as they were; they are no secrets. */
export interface AccessPart {
  readonly role: 'access';
  readonly source: SourceRef;
  readonly stage: StageRef;
  readonly authorizerKind: AuthorizerKind | 'unknown';
  readonly authorizerId?: string;
  /** Log group unit (`logs:…`) whose watermark tells when the authorizer's lines must have been read. */
  readonly authorizerUnit?: string;
  /** Result cache of the authorizer, milliseconds. */
  readonly authorizerTtlMs: number;
  /** Request received; `resolutionMs` is 1 for an epoch in milliseconds, 1000 for CLF time, larger where only the event time is known. */
  readonly startMs: number;
  readonly startResolutionMs: number;
  readonly fields: AccessFields;
  /** Echoed by the authorizer through its context: its own Lambda request id. The only exact key on a cached decision. */
  readonly authzRequestId?: string;
  /** Echoed: the gateway request id the authorizer saw when it decided. */
  readonly authzApigwRequestId?: string;
  /** `$context.authorizer.requestId`: the Lambda request id, where the gateway renders one. */
  readonly authorizerRequestId?: string;
  /** True when the format logs some variable that only a called authorizer sets, so that its absence means "not called". */
  readonly authorizerCallVisible: boolean;
  /** True when the format logs `error.responseType`, so that its absence means that the gateway itself refused nothing. */
  readonly responseTypeVisible: boolean;
  /** Pseudonym (or clear text, by setting) of the principal in the authorizer context. */
  readonly principal?: string;
  readonly customer?: string;
  readonly customerSource?: CustomerSource;
}

export type AuthorizerLineKind = 'start' | 'application' | 'end' | 'report' | 'timeout' | 'error';

/** One line of an authorizer function that names its invocation, redacted. */
export interface AuthorizerLinePart {
  readonly role: 'authorizer';
  readonly source: SourceRef;
  /** Unit (`logs:…`) it was read from. */
  readonly unit: string;
  readonly lambdaRequestId: string;
  readonly line: AuthorizerLineKind;
  readonly decision?: 'allow' | 'deny' | 'error';
  readonly reason?: string;
  readonly principal?: string;
  readonly customer?: string;
  readonly customerSource?: CustomerSource;
  /** Gateway request id the function logged (`event.requestContext.requestId`). Client-chosen on REST. */
  readonly gatewayRequestId?: string;
  readonly connectionId?: string;
  readonly durationMs?: number;
  /** Redacted text of an application line. */
  readonly text?: string;
}

export interface UnparsedPart {
  readonly role: 'unparsed';
  readonly of: 'access' | 'authorizer';
  readonly source: SourceRef;
  readonly problem: string;
  readonly raw: string;
  readonly rawSha256: string;
  readonly rawLength: number;
}

/** A line that carries nothing to keep (a platform line outside any invocation): counted under its rule, not stored. */
export interface FilteredPart {
  readonly role: 'filtered';
  readonly source: SourceRef;
  readonly rule: string;
}

export type LogPart = AccessPart | AuthorizerLinePart | UnparsedPart | FilteredPart;
