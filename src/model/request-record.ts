import type { AuthorizerKind, Protocol } from './inventory.ts';
import type { SourceRef } from './source-event.ts';

export type Decision = 'allow' | 'deny' | 'refused_before' | 'error' | 'unknown';

export type JoinOutcome =
  | 'matched'
  | 'cached_decision'
  | 'connection_decision'
  | 'gateway_decision'
  | 'no_authorizer'
  | 'no_authorizer_call'
  | 'authorizer_error'
  | 'access_only'
  | 'authorizer_only'
  | 'ambiguous';

/** The key that named the decision, in falling order of trust. */
export type JoinKey =
  | 'authz_request_id'
  | 'authorizer_request_id'
  | 'gateway_request_id'
  | 'connection_id'
  | 'none';

export type CustomerSource = 'authorizer_context' | 'authorizer_log' | 'principal_map' | 'unknown';

export type DecisionSource = 'authorizer_log' | 'access_log' | 'gateway' | 'none';

export type PartRole = 'access' | 'authorizer';

export interface RecordPart extends SourceRef {
  readonly role: PartRole;
}

/**
 * What an access line says, already redacted. Every field is optional because formats differ; a value `-` or `""` is
 * absent. Times and durations in milliseconds, lengths in bytes.
 */
export interface AccessFields {
  readonly requestId?: string;
  readonly extendedRequestId?: string;
  readonly connectionId?: string;
  readonly messageId?: string;
  readonly eventType?: string;
  readonly method?: string;
  readonly path?: string;
  /** Low-cardinality template: REST `resourcePath`, HTTP and WebSocket `routeKey`. */
  readonly route?: string;
  readonly protocolVersion?: string;
  readonly domainName?: string;
  readonly status?: number;
  readonly responseLengthBytes?: number;
  readonly responseLatencyMs?: number;
  readonly sourceIp?: string;
  readonly userAgent?: string;
  readonly integrationStatus?: string;
  readonly integrationLatencyMs?: number;
  readonly integrationRequestId?: string;
  readonly integrationError?: string;
  readonly authorizerStatus?: string;
  readonly authorizerLatencyMs?: number;
  readonly authorizerError?: string;
  readonly wafStatus?: string;
  readonly wafResponseCode?: string;
  readonly errorMessage?: string;
  readonly errorResponseType?: string;
  readonly xrayTraceId?: string;
  /** Allow-listed variables that have no field of their own, by access-log variable name. */
  readonly other?: Readonly<Record<string, string>>;
}

/**
 * Names every field of `AccessFields`; the type makes a forgotten one a compile error. Records are stored with their
 * fields in this order: those built in it are written out as they are, others are copied first.
 */
export const ACCESS_FIELDS: Readonly<Record<keyof AccessFields, true>> = {
  requestId: true,
  extendedRequestId: true,
  connectionId: true,
  messageId: true,
  eventType: true,
  method: true,
  path: true,
  route: true,
  protocolVersion: true,
  domainName: true,
  status: true,
  responseLengthBytes: true,
  responseLatencyMs: true,
  sourceIp: true,
  userAgent: true,
  integrationStatus: true,
  integrationLatencyMs: true,
  integrationRequestId: true,
  integrationError: true,
  authorizerStatus: true,
  authorizerLatencyMs: true,
  authorizerError: true,
  wafStatus: true,
  wafResponseCode: true,
  errorMessage: true,
  errorResponseType: true,
  xrayTraceId: true,
  other: true,
};

/** One request's story. `principal` and `customer` are pseudonyms unless the configuration says otherwise. */
export interface RequestRecord extends AccessFields {
  readonly kind: 'request';
  readonly recordId: string;
  readonly eventId: string;
  readonly revision: number;
  readonly account: string;
  readonly region: string;
  readonly apiId: string;
  readonly apiName: string;
  readonly stage: string;
  readonly protocol: Protocol | 'UNKNOWN';
  /** When the request was received (event time); for `authorizer_only` when the invocation began. */
  readonly eventMs: number;
  /** Newest ingestion time of its parts. */
  readonly ingestionMs: number;
  readonly readMs: number;
  readonly authorizerKind: AuthorizerKind | 'unknown';
  readonly authorizerId?: string;
  /** Lambda request id of the invocation that decided. */
  readonly decisionRequestId?: string;
  readonly decision: Decision;
  readonly decisionReason?: string;
  readonly decisionSource: DecisionSource;
  readonly principal?: string;
  readonly customer: string;
  readonly customerSource: CustomerSource;
  readonly outcome: JoinOutcome;
  readonly joinKey: JoinKey;
  /** Wall time of the authorizer invocation as its REPORT line gives it. */
  readonly invocationDurationMs?: number;
  /** Redacted application lines of the authorizer invocation, in order. */
  readonly authorizerLog?: readonly string[];
  /** On a revised `authorizer_only` record: the record that took the invocation over. */
  readonly supersededBy?: string;
  readonly parts: readonly RecordPart[];
}

/** A line no parser could read: kept whole (redacted), counted, forwarded with `unparsed: true`. */
export interface UnparsedRecord {
  readonly kind: 'unparsed';
  readonly recordId: string;
  readonly eventId: string;
  readonly revision: number;
  readonly account: string;
  readonly region: string;
  readonly logGroup: string;
  readonly role: PartRole;
  readonly eventMs: number;
  readonly ingestionMs: number;
  readonly readMs: number;
  readonly unparsed: true;
  /** Why: which formats were tried and where they stopped. */
  readonly problem: string;
  /** Value-redacted text. */
  readonly raw: string;
  /** SHA-256 (hex) and length in UTF-16 units of the original text; for a line that could not be joined, of `raw`. */
  readonly rawSha256: string;
  readonly rawLength: number;
  readonly parts: readonly RecordPart[];
}
