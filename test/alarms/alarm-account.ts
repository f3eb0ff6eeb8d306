import { applyPlan } from '../../src/alarms/apply-plan.ts';
import { observeAlarms } from '../../src/alarms/observe-alarms.ts';
import type { AlarmClients } from '../../src/aws/alarm-clients.ts';
import type { AwsClientsSettings } from '../../src/aws/aws-clients.ts';
import type { DesiredResource, Properties } from '../../src/model/managed-resource.ts';
import { type Change, planChanges } from '../../src/plan/plan-changes.ts';
import type { SandboxSettings } from '../../src/sandbox/server.ts';
import { pointSdkAt } from '../aws/aws-stub.ts';
import { central, region } from '../sandbox/small-world.ts';
import { closing, startedSandbox } from '../sandbox/started-sandbox.ts';
import { latencyP99 } from '../support/latency-alarm.ts';
import { sandboxAlarmClients, writesOf } from './sandbox-clients.ts';

export const WORKSPACE = 'prod';
export const scope = { account: central, region };

export const latency: Properties = {
  ...latencyP99('orders'),
  EvaluationPeriods: 3,
  Threshold: 5_000,
  ComparisonOperator: 'GreaterThanOrEqualToThreshold',
};

export function metricAlarm(
  id: string,
  more: Partial<DesiredResource> & { name?: string } = {},
): DesiredResource {
  const { name, ...rest } = more;
  return {
    id,
    key: { type: 'metric_alarm', ...scope, name: name ?? id },
    properties: latency,
    tags: { team: 'payments' },
    origins: {},
    children: [],
    lifecycle: { preventDestroy: false, ignoreChanges: [], adopt: 'never' },
    ...rest,
  };
}

export function composite(id: string, children: readonly string[]): DesiredResource {
  const AlarmRule = children.map((child) => `ALARM("${child}")`).join(' OR ');
  return {
    ...metricAlarm(id),
    key: { type: 'composite_alarm', ...scope, name: id },
    properties: { AlarmRule },
    children,
  };
}

/** An account of the sandbox behind the real SDK: what is planned is really sent. */
export async function alarmAccount(
  settings: Partial<SandboxSettings> = {},
  aws: Partial<AwsClientsSettings> = {},
) {
  const sandbox = await startedSandbox(settings);
  closing({ close: pointSdkAt(sandbox.port) });
  const clients = closing(sandboxAlarmClients({ maxAttempts: 2, ...aws }));
  const signal = new AbortController().signal;
  const observe = (wanted: readonly DesiredResource[]) =>
    observeAlarms({ clients, workspace: WORKSPACE, scopes: [scope], desired: wanted, signal });
  const plan = async (
    wanted: readonly DesiredResource[],
    more: { readonly discovery?: ReadonlyMap<string, string>; readonly adopted?: ReadonlySet<string> } = {},
  ): Promise<readonly Change[]> => {
    const { observed, partial } = await observe(wanted);
    return planChanges({
      workspace: WORKSPACE,
      desired: wanted,
      observed,
      partial: new Map([...partial, ...(more.discovery ?? [])]),
      ...(more.adopted === undefined ? {} : { adopted: more.adopted }),
    });
  };
  return {
    sandbox,
    clients,
    signal,
    observe,
    plan,
    apply: async (wanted: readonly DesiredResource[], more: Parameters<typeof plan>[1] = {}) =>
      applyPlan({ clients, changes: await plan(wanted, more), signal }),
    writes: () => writesOf(sandbox),
    names: () => namesOf(clients, signal),
  };
}

async function namesOf(clients: AlarmClients, signal: AbortSignal): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const page of clients.describeAlarms({ ...scope, signal })) {
    names.push(...page.map((alarm) => alarm.name));
  }
  return names.sort();
}
