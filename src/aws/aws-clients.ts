import { APIGatewayClient } from '@aws-sdk/client-api-gateway';
import { ApiGatewayV2Client } from '@aws-sdk/client-apigatewayv2';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { Clock } from '../core/clock.ts';
import { UserError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import { type AccountSettings, type AwsScope, type AwsTimeouts, DEFAULT_TIMEOUTS } from './aws-settings.ts';
import { getMetricData, type ListedMetric, listMetrics, type MetricListing } from './cloudwatch.ts';
import { filterLogEvents } from './cloudwatch-logs.ts';
import type { LogPage, LogRead } from './filter-log-events.ts';
import { LimitedCalls } from './limited-calls.ts';
import type { ListedApi, ListedAuthorizer, ListedRoute, ListedStage } from './listed-shapes.ts';
import type { MetricDataAnswer, MetricDataRead } from './metric-data.ts';
import type { QuotaOverrides } from './quotas.ts';
import { listRestApis, listRestAuthorizers, listRestRoutes, listRestStages } from './rest-api-listings.ts';
import { createRoleCredentials, type RoleCredentialsSource } from './role-credentials.ts';
import { listV2Apis, listV2Authorizers, listV2Routes, listV2Stages } from './v2-api-listings.ts';

/** The two control planes of API Gateway: REST APIs, and HTTP and WebSocket APIs. */
export type ApiFamily = 'rest' | 'v2';

export interface ApiListing extends AwsScope {
  readonly family: ApiFamily;
  readonly signal: AbortSignal;
}

export interface ApiPartListing extends ApiListing {
  readonly apiId: string;
}

/**
 * AWS, narrowed to what Gatewatch reads, in our own types. Accounts are named by their twelve-digit id. Every function
 * throws `IncompleteReadError` for what another read may mend (throttling, 5xx, network, time-outs: after the SDK's own
 * retries), `HeldError` for what a person must mend (denied, wrong credentials, not found), or the signal's reason.
 * Listings and windows come page by page; one that throws has not been read whole, whatever came before.
 */
export interface AwsClients {
  readonly accounts: readonly AccountSettings[];
  /** Events with `fromMs` ≤ time < `toMs`, all pages, empty ones included. */
  filterLogEvents(read: LogRead): AsyncIterable<LogPage>;
  /** At most 500 queries and 100,800 points: the caller plans. A fault after the first page is in `failure`. */
  getMetricData(read: MetricDataRead): Promise<MetricDataAnswer>;
  listMetrics(listing: MetricListing): AsyncIterable<readonly ListedMetric[]>;
  listApis(listing: ApiListing): AsyncIterable<readonly ListedApi[]>;
  listStages(listing: ApiPartListing): AsyncIterable<readonly ListedStage[]>;
  listAuthorizers(listing: ApiPartListing): AsyncIterable<readonly ListedAuthorizer[]>;
  listRoutes(listing: ApiPartListing): AsyncIterable<readonly ListedRoute[]>;
  /** Account id behind the credentials; `undefined` when the answer names none. */
  callerAccount(scope: AwsScope & { readonly signal: AbortSignal }): Promise<string | undefined>;
  close(): void;
}

export interface AwsClientsSettings {
  readonly accounts: readonly AccountSettings[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Share of each AWS quota that Gatewatch may use. */
  readonly quotaShare?: number;
  /** Calls per second where an account's quota differs from the published one. */
  readonly quotas?: QuotaOverrides;
  readonly timeouts?: AwsTimeouts;
  /** Attempts for one call, the first included. */
  readonly maxAttempts?: number;
}

const DEFAULT_QUOTA_SHARE = 0.6;
const DEFAULT_MAX_ATTEMPTS = 5;
/** Sockets per client: more than the limiter ever lets run at once. */
const MAX_SOCKETS = 64;

/** The clients of one account and Region, with their limiter. */
class ScopedClients {
  readonly calls: LimitedCalls;
  readonly logs: CloudWatchLogsClient;
  readonly cloudWatch: CloudWatchClient;
  readonly rest: APIGatewayClient;
  readonly v2: ApiGatewayV2Client;
  readonly sts: STSClient;

  constructor(
    region: string,
    account: AccountSettings,
    role: RoleCredentialsSource | undefined,
    settings: AwsClientsSettings,
  ) {
    const reading = () => clientConfig(region, role, settings, 'adaptive');
    const listing = () => clientConfig(region, role, settings, 'standard');
    this.logs = new CloudWatchLogsClient(reading());
    this.cloudWatch = new CloudWatchClient(reading());
    this.rest = new APIGatewayClient(listing());
    this.v2 = new ApiGatewayV2Client(listing());
    this.sts = new STSClient(listing());
    // It copies every answer for a logger that is not there: a tenth of the cost of reading a page of log events.
    this.logs.middlewareStack.remove('loggerMiddleware');
    this.calls = new LimitedCalls({
      scope: { account: account.accountId, region },
      roleArn: account.roleArn,
      clock: settings.clock,
      meter: settings.meter,
      logger: settings.logger,
      quotaShare: settings.quotaShare ?? DEFAULT_QUOTA_SHARE,
      quotas: settings.quotas ?? {},
      onCredentialsRefused: () => role?.forget(),
    });
  }

  close(): void {
    for (const client of [this.logs, this.cloudWatch, this.rest, this.v2, this.sts]) client.destroy();
  }
}

/**
 * No endpoint here, on purpose: it comes from the SDK's own settings (`AWS_ENDPOINT_URL`, profiles).
 *
 * `adaptive` slows a client down after throttling, starting from the rate it measured. That suits steady reading; a
 * listing is a burst after idleness, whose measured rate is near nothing, and one throttle would hold it to a call in
 * two seconds. There `standard` backs off and our own limiter keeps the rate.
 */
function clientConfig(
  region: string,
  role: RoleCredentialsSource | undefined,
  settings: AwsClientsSettings,
  retryMode: 'adaptive' | 'standard',
) {
  const timeouts = settings.timeouts ?? DEFAULT_TIMEOUTS;
  const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
  return {
    region,
    retryMode,
    maxAttempts: settings.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
    requestHandler: {
      connectionTimeout: timeouts.connectMs,
      requestTimeout: timeouts.requestMs,
      throwOnRequestTimeout: true,
      socketTimeout: timeouts.idleMs,
      httpAgent: agent,
      httpsAgent: agent,
    },
    ...(role ? { credentials: () => role.get() } : {}),
  };
}

/** Finds the clients of an account and Region, making them at first use. */
function createScopes(settings: AwsClientsSettings) {
  const accounts = new Map(settings.accounts.map((account) => [account.accountId, account]));
  const roles = new Map<string, RoleCredentialsSource>();
  const scopes = new Map<string, ScopedClients>();
  const roleOf = (account: AccountSettings): RoleCredentialsSource | undefined => {
    const { roleArn } = account;
    if (roleArn === undefined) return undefined;
    const timeouts = settings.timeouts ?? DEFAULT_TIMEOUTS;
    const role =
      roles.get(account.accountId) ??
      createRoleCredentials({ account: { ...account, roleArn }, clock: settings.clock, timeouts });
    roles.set(account.accountId, role);
    return role;
  };
  return {
    all: () => scopes.values(),
    at: (scope: AwsScope): ScopedClients => {
      const key = `${scope.account}/${scope.region}`;
      const known = scopes.get(key);
      if (known) return known;
      const account = accounts.get(scope.account);
      if (!account) throw unknownAccount(scope.account, settings.accounts);
      const made = new ScopedClients(scope.region, account, roleOf(account), settings);
      scopes.set(key, made);
      return made;
    },
  };
}

function unknownAccount(accountId: string, accounts: readonly AccountSettings[]): UserError {
  const known = accounts.map((account) => `${account.accountId} (${account.name})`).join(', ') || 'none';
  return new UserError(
    'unknown_account',
    `Expected an account listed under \`accounts\` (${known}), got ${accountId}: add it with the role to read it`,
  );
}

export function createAwsClients(settings: AwsClientsSettings): AwsClients {
  const scopes = createScopes(settings);
  return {
    accounts: settings.accounts,
    filterLogEvents: (read) => {
      const { logs, calls } = scopes.at(read);
      return filterLogEvents(logs, calls, read);
    },
    getMetricData: (read) => {
      const { cloudWatch, calls } = scopes.at(read);
      return getMetricData(cloudWatch, calls, read);
    },
    listMetrics: (listing) => {
      const { cloudWatch, calls } = scopes.at(listing);
      return listMetrics(cloudWatch, calls, listing);
    },
    ...apiListings(scopes.at),
    callerAccount: (scope) => callerAccount(scopes.at(scope), scope.signal),
    close: () => {
      for (const scope of scopes.all()) scope.close();
    },
  };
}

function apiListings(
  at: (scope: AwsScope) => ScopedClients,
): Pick<AwsClients, 'listApis' | 'listStages' | 'listAuthorizers' | 'listRoutes'> {
  return {
    listApis: (listing) => {
      const { rest, v2, calls } = at(listing);
      const { family, signal } = listing;
      return family === 'rest' ? listRestApis(rest, calls, signal) : listV2Apis(v2, calls, signal);
    },
    listStages: (listing) => {
      const { rest, v2, calls } = at(listing);
      const { family, apiId, signal } = listing;
      return family === 'rest'
        ? listRestStages(rest, calls, apiId, signal)
        : listV2Stages(v2, calls, apiId, signal);
    },
    listAuthorizers: (listing) => {
      const { rest, v2, calls } = at(listing);
      const { family, apiId, signal } = listing;
      return family === 'rest'
        ? listRestAuthorizers(rest, calls, apiId, signal)
        : listV2Authorizers(v2, calls, apiId, signal);
    },
    listRoutes: (listing) => {
      const { rest, v2, calls } = at(listing);
      const { family, apiId, signal } = listing;
      return family === 'rest'
        ? listRestRoutes(rest, calls, apiId, signal)
        : listV2Routes(v2, calls, apiId, signal);
    },
  };
}

async function callerAccount(scoped: ScopedClients, signal: AbortSignal): Promise<string | undefined> {
  const command = new GetCallerIdentityCommand({});
  const answer = await scoped.calls.send(command, (sent, options) => scoped.sts.send(sent, options), {
    operation: 'GetCallerIdentity',
    quota: 'GetCallerIdentity',
    permission: 'sts:GetCallerIdentity',
    resource: 'the credentials',
    signal,
  });
  return answer.Account;
}
