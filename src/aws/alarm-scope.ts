import { ApiGatewayV2Client } from '@aws-sdk/client-apigatewayv2';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { SNSClient } from '@aws-sdk/client-sns';
import { type AwsClientsSettings, clientConfig, unknownAccount } from './aws-clients.ts';
import { type AccountSettings, type AwsScope, DEFAULT_TIMEOUTS } from './aws-settings.ts';
import { LimitedCalls } from './limited-calls.ts';
import type { QuotaName } from './quotas.ts';
import { createRoleCredentials, type RoleCredentialsSource } from './role-credentials.ts';

export interface AlarmCall extends AwsScope {
  readonly signal: AbortSignal;
}

/** Writing waits for nobody else in the account: a share that applies a thousand alarms in under seven minutes. */
const WRITE_SHARE = 0.85;
/** The clients that alarms of one account and Region need, with their limiter. */
export class AlarmScope {
  readonly calls: LimitedCalls;
  readonly cloudWatch: CloudWatchClient;
  readonly logs: CloudWatchLogsClient;
  readonly tagging: ResourceGroupsTaggingAPIClient;
  readonly sns: SNSClient;
  readonly apis: ApiGatewayV2Client;
  readonly scope: AwsScope;

  constructor(
    scope: AwsScope,
    account: AccountSettings,
    role: RoleCredentialsSource | undefined,
    settings: AwsClientsSettings,
  ) {
    const config = () => clientConfig(scope.region, role, settings);
    this.scope = scope;
    this.cloudWatch = new CloudWatchClient(config());
    this.logs = new CloudWatchLogsClient(config());
    this.tagging = new ResourceGroupsTaggingAPIClient(config());
    this.sns = new SNSClient(config());
    this.apis = new ApiGatewayV2Client(config());
    this.calls = new LimitedCalls({
      scope,
      roleArn: account.roleArn,
      clock: settings.clock,
      meter: settings.meter,
      logger: settings.logger,
      quotaShare: settings.quotaShare ?? WRITE_SHARE,
      quotas: settings.quotas ?? {},
      onCredentialsRefused: () => role?.forget(),
    });
  }

  note(call: AlarmCall, operation: string, quota: QuotaName, resource: string) {
    return { operation, quota, permission: permissionOf(operation), resource, signal: call.signal };
  }

  arn(name: string): string {
    return `arn:aws:cloudwatch:${this.scope.region}:${this.scope.account}:alarm:${name}`;
  }

  close(): void {
    const { cloudWatch, logs, tagging, sns, apis } = this;
    for (const client of [cloudWatch, logs, tagging, sns, apis]) client.destroy();
  }
}

function permissionOf(operation: string): string {
  if (operation === 'GetResources') return 'tag:GetResources';
  if (operation === 'GetTopicAttributes') return 'sns:GetTopicAttributes';
  return `${operation.includes('MetricFilter') ? 'logs' : 'cloudwatch'}:${operation}`;
}

export function createAlarmScope(call: AlarmCall, settings: AwsClientsSettings): AlarmScope {
  const account = settings.accounts.find((known) => known.accountId === call.account);
  if (account === undefined) throw unknownAccount(call.account, settings.accounts);
  const { roleArn } = account;
  const timeouts = settings.timeouts ?? DEFAULT_TIMEOUTS;
  const role =
    roleArn === undefined
      ? undefined
      : createRoleCredentials({ account: { ...account, roleArn }, clock: settings.clock, timeouts });
  return new AlarmScope({ account: call.account, region: call.region }, account, role, settings);
}
