import type { Secret } from '../core/secret.ts';

/** One AWS account to read, as code passes it. Regions are listed: an account has data only where it has stages. */
export interface AccountSettings {
  /** The account's name in the configuration, for messages. */
  readonly name: string;
  /** Twelve digits. Part of every id Gatewatch makes, so it must be the account the credentials really reach. */
  readonly accountId: string;
  readonly regions: readonly string[];
  /** Role to assume; absent: the SDK's default credentials are used as they are. */
  readonly roleArn?: string;
  /** External id of the role's trust policy. */
  readonly externalId?: Secret | string;
}

export interface AwsTimeouts {
  readonly connectMs: number;
  /** From the start of an attempt to its response headers. FilterLogEvents may search for long before it answers. */
  readonly requestMs: number;
  /** Silence on the socket, which also ends a body that stalls after its headers. */
  readonly idleMs: number;
}

export const DEFAULT_TIMEOUTS: AwsTimeouts = { connectMs: 5_000, requestMs: 60_000, idleMs: 30_000 };

/** One account and Region: the unit of clients, quotas and listings. `account` is the twelve-digit id. */
export interface AwsScope {
  readonly account: string;
  readonly region: string;
}
