import { APIGatewayClient } from '@aws-sdk/client-api-gateway';
import { ApiGatewayV2Client } from '@aws-sdk/client-apigatewayv2';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { Clock } from '../core/clock.ts';
import { UserError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import type { LogGroupFacts } from '../model/inventory.ts';
import { type AccountSettings, type AwsScope, type AwsTimeouts, DEFAULT_TIMEOUTS } from './aws-settings.ts';
import { getMetricData, type ListedMetric, listMetrics, type MetricListing } from './cloudwatch.ts';
import { describeLogGroups, filterLogEvents, type LogGroupsRead } from './cloudwatch-logs.ts';
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
  /** Retention and age of each group, by name; one that does not exist is not among them. */
  describeLogGroups(read: LogGroupsRead): Promise<ReadonlyMap<string, LogGroupFacts>>;
  /** At most 500 queries and 100,800 points: the caller plans. A fault after the first page is in `failure`. */
  getMetricData(read: MetricDataRead): Promise<MetricDataAnswer>;
  listMetrics(listing: MetricListing): AsyncIterable<readonly ListedMetric[]>;
  listApis(listing: ApiListing): AsyncIterable<readonly ListedApi[]>;
  listStages(listing: ApiPartListing): AsyncIterable<readonly ListedStage[]>;
  listAuthorizers(listing: ApiPartListing): AsyncIterable<readonly ListedAuthorizer[]>;
  listRoutes(listing: ApiPartListing): AsyncIterable<readonly ListedRoute[]>;
  /** Account id behind the credentials; `undefined` when the answer names none. */
  callerAccount(scope: AwsScope & { readonly signal: AbortSignal }): Promise<string | undefined>;
  /** How far AWS's clock is ahead of the host's, milliseconds, by the newest answer; 0 before the first. */
  clockAheadMs(): number;
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
    const config = () => clientConfig(region, role, settings);
    const { requestMs, idleMs } = settings.timeouts ?? DEFAULT_TIMEOUTS;
    this.logs = new CloudWatchLogsClient(config());
    this.cloudWatch = new CloudWatchClient(config());
    this.rest = new APIGatewayClient(config());
    this.v2 = new ApiGatewayV2Client(config());
    this.sts = new STSClient(config());
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
      attemptMs: requestMs + idleMs,
      onCredentialsRefused: () => role?.forget(),
    });
  }

  close(): void {
    for (const client of [this.logs, this.cloudWatch, this.rest, this.v2, this.sts]) client.destroy();
  }
}

/**
 * No endpoint here, on purpose: it comes from the SDK's own settings (`AWS_ENDPOINT_URL`, profiles). `standard` retries:
 * the rate is our own limiter's affair. `memoized` keeps the SDK from remembering credentials of a role that were
 * refused since.
 */
export function clientConfig(
  region: string,
  role: RoleCredentialsSource | undefined,
  settings: AwsClientsSettings,
) {
  const timeouts = settings.timeouts ?? DEFAULT_TIMEOUTS;
  const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
  return {
    region,
    retryMode: 'standard',
    maxAttempts: settings.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
    requestHandler: {
      connectionTimeout: timeouts.connectMs,
      requestTimeout: timeouts.requestMs,
      throwOnRequestTimeout: true,
      socketTimeout: timeouts.idleMs,
      httpAgent: agent,
      httpsAgent: agent,
    },
    ...(role ? { credentials: Object.assign(() => role.get(), { memoized: true }) } : {}),
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

export function unknownAccount(accountId: string, accounts: readonly AccountSettings[]): UserError {
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
    describeLogGroups: (read) => {
      const { logs, calls } = scopes.at(read);
      return describeLogGroups(logs, calls, read);
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
    clockAheadMs: () => clockAheadMs([...scopes.all()]),
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

/**
 * The SDK keeps what it read off the `Date` of each client's newest answer. The client that speaks most often knows best,
 * and of several the median: one answer that was long under way says little.
 */
function clockAheadMs(scopes: readonly ScopedClients[]): number {
  for (const name of ['logs', 'cloudWatch', 'sts', 'rest', 'v2'] as const) {
    const measured = scopes.map((scope) => scope[name].config.systemClockOffset).filter((ms) => ms !== 0);
    const middle = measured.sort((a, b) => a - b)[Math.floor(measured.length / 2)];
    if (middle !== undefined) return middle;
  }
  return 0;
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
