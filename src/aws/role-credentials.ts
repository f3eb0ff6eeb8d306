import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import type { Clock } from '../core/clock.ts';
import { Secret } from '../core/secret.ts';
import { translateAwsError } from './aws-errors.ts';
import type { AccountSettings, AwsTimeouts } from './aws-settings.ts';

/** An account read through a role. */
export type RoleAccount = AccountSettings & { readonly roleArn: string };

type Provider = ReturnType<typeof fromTemporaryCredentials>;
export type RoleCredentials = Awaited<ReturnType<Provider>>;

/** An assumed role lives an hour unless asked otherwise; it is asked for anew after fifty minutes. */
const REUSE_MS = 50 * 60_000;

export interface RoleCredentialsSource {
  get(): Promise<RoleCredentials>;
  /** Drops what is held, after AWS called it expired or unknown. */
  forget(): void;
}

/**
 * Assumes the account's role once for all of its clients: the SDK remembers credentials per client only, which would
 * make five services in four Regions twenty AssumeRole calls. Age is measured on the monotonic clock, so that a steered
 * wall clock (a rehearsal) cannot make credentials look expired.
 */
export function createRoleCredentials(settings: {
  readonly account: RoleAccount;
  readonly clock: Clock;
  readonly timeouts: AwsTimeouts;
}): RoleCredentialsSource {
  const provider = roleProvider(settings.account, settings.timeouts);
  let held: { readonly promise: Promise<RoleCredentials>; readonly atMs: number } | undefined;
  return {
    forget: () => {
      held = undefined;
    },
    get: () => {
      if (held && settings.clock.monotonic() - held.atMs < REUSE_MS) return held.promise;
      const promise = assume(provider, settings);
      const entry = { promise, atMs: settings.clock.monotonic() };
      held = entry;
      entry.promise.catch(() => {
        if (held === entry) held = undefined;
      });
      return entry.promise;
    },
  };
}

function roleProvider(account: RoleAccount, timeouts: AwsTimeouts): Provider {
  const externalId = account.externalId instanceof Secret ? account.externalId.reveal() : account.externalId;
  return fromTemporaryCredentials({
    params: {
      RoleArn: account.roleArn,
      RoleSessionName: 'gatewatch',
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
    },
    clientConfig: {
      region: homeRegion(account),
      // No keep-alive: nothing can close this inner client, and it speaks once an hour.
      requestHandler: {
        connectionTimeout: timeouts.connectMs,
        requestTimeout: timeouts.requestMs,
        throwOnRequestTimeout: true,
        httpAgent: { keepAlive: false },
        httpsAgent: { keepAlive: false },
      },
    },
  });
}

async function assume(
  provider: Provider,
  { account, timeouts }: { readonly account: RoleAccount; readonly timeouts: AwsTimeouts },
): Promise<RoleCredentials> {
  try {
    return await within(timeouts.requestMs + timeouts.idleMs, provider());
  } catch (error) {
    throw translateAwsError(error, {
      account: account.accountId,
      region: homeRegion(account),
      operation: 'AssumeRole',
      permission: `sts:AssumeRole on ${account.roleArn} and name it in that role's trust policy, with the external id if the role asks for one`,
      resource: `role ${account.roleArn}`,
    });
  }
}

/** The provider takes no signal, and its own limit ends with the first byte of an answer that may never be whole. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const waiting = Promise.withResolvers<never>();
  const timer = setTimeout(() => waiting.reject(new Error(`no complete answer within ${ms} ms`)), ms);
  try {
    return await Promise.race([work, waiting.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function homeRegion(account: AccountSettings): string {
  return account.regions[0] ?? 'us-east-1';
}
