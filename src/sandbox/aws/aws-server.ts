import { gunzipSync } from 'node:zlib';
import type { Counters } from '../faults.ts';
import type { AnyReply, Call } from '../http-exchange.ts';
import {
  deleteAlarms,
  putCompositeAlarm,
  putMetricAlarm,
  setAlarmState,
  switchActions,
} from './alarm-operations.ts';
import { getResources, listTagsForResource, tagResource, untagResource } from './alarm-tags.ts';
import { restApiRead } from './api-gateway-v1.ts';
import { v2Read } from './api-gateway-v2.ts';
import { AwsError, deniedError, errorReply, serverFault, throttlingError } from './aws-errors.ts';
import type { AwsProtocol } from './aws-protocol.ts';
import { type Caller, readCaller } from './caller.ts';
import { invalidValue } from './cloudwatch-model.ts';
import { describeAlarmHistory, describeAlarms } from './describe-alarms.ts';
import { describeLogGroups, describeLogStreams } from './describe-logs.ts';
import { filterLogEvents } from './filter-log-events.ts';
import { getLogEvents } from './get-log-events.ts';
import { datapointsOf, getMetricData } from './get-metric-data.ts';
import { listMetrics } from './list-metrics.ts';
import { invalidParameter } from './logs-model.ts';
import { deleteMetricFilter, describeMetricFilters, putMetricFilter } from './metric-filters.ts';
import { deleteAlarmMuteRule, getAlarmMuteRule, listAlarmMuteRules, putAlarmMuteRule } from './mute-rules.ts';
import type { AwsContext, Operation } from './operation.ts';
import { putMetricData } from './put-metric-data.ts';
import type { Quotas } from './quotas.ts';
import { type Fields, parseFields } from './request-fields.ts';
import { dated, requireTimelySignature } from './server-time.ts';
import { isSnsAction, runSns } from './sns.ts';
import { runSts } from './sts.ts';

type JsonRun = (context: AwsContext, caller: Caller, fields: Fields) => ReturnType<Operation['run']>;

const CLOUDWATCH: Readonly<Record<string, JsonRun>> = {
  PutMetricAlarm: putMetricAlarm,
  PutCompositeAlarm: putCompositeAlarm,
  DescribeAlarms: describeAlarms,
  DescribeAlarmHistory: describeAlarmHistory,
  DeleteAlarms: deleteAlarms,
  SetAlarmState: setAlarmState,
  PutAlarmMuteRule: putAlarmMuteRule,
  GetAlarmMuteRule: getAlarmMuteRule,
  ListAlarmMuteRules: listAlarmMuteRules,
  DeleteAlarmMuteRule: deleteAlarmMuteRule,
  EnableAlarmActions: switchActions(true),
  DisableAlarmActions: switchActions(false),
  TagResource: tagResource,
  UntagResource: untagResource,
  ListTagsForResource: listTagsForResource,
  GetMetricData: getMetricData,
  PutMetricData: putMetricData,
  ListMetrics: listMetrics,
};

/** CloudWatch Logs and the Resource Groups Tagging API: both speak AWS JSON 1.1. */
const LOGS: Readonly<Record<string, JsonRun>> = {
  PutMetricFilter: putMetricFilter,
  DescribeMetricFilters: describeMetricFilters,
  DeleteMetricFilter: deleteMetricFilter,
  GetResources: getResources,
  FilterLogEvents: filterLogEvents,
  GetLogEvents: getLogEvents,
  DescribeLogGroups: describeLogGroups,
  DescribeLogStreams: describeLogStreams,
};

/** Calls refused at first by the `denied` fault, before they are permitted. */
const DENIED_CALLS = 3;

export interface AwsServer {
  /** True when the call is one of AWS's: it has a target, a form, or an API Gateway path. */
  owns(call: Call): boolean;
  answer(call: Call): AnyReply;
}

export function createAwsServer(settings: {
  context: AwsContext;
  quotas: Quotas | undefined;
  counters: Counters;
}): AwsServer {
  const { context, quotas, counters } = settings;
  return {
    owns: (call) => protocolOf(call) !== undefined,
    answer(call) {
      const protocol = protocolOf(call) ?? 'logs';
      try {
        requireTimelySignature(context, call);
        const operation = operationOf(context, protocol, call);
        counters.add(`aws.${operation.name}`);
        const refusal = refusalOf(context, operation, quotas, counters);
        if (refusal !== undefined) return refusal;
        const reply = operation.run();
        return context.faults.happens('reset', `after ${keyOf(operation)}`)
          ? { reset: true }
          : dated(context, reply);
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        counters.add(`aws.error.${error.awsName}`);
        return dated(context, errorReply(protocol, error));
      }
    },
  };
}

function protocolOf(call: Call): AwsProtocol | undefined {
  const target = call.header('x-amz-target');
  if (target?.startsWith('GraniteServiceVersion20100801.')) return 'cloudwatch';
  if (target?.startsWith('Logs_20140328.')) return 'logs';
  if (target?.startsWith('ResourceGroupsTaggingAPI_20170126.')) return 'logs';
  if (call.path.startsWith('/restapis')) return 'api-gateway-v1';
  if (call.path.startsWith('/v2/')) return 'api-gateway-v2';
  const isForm = call.header('content-type')?.startsWith('application/x-www-form-urlencoded');
  return call.path === '/' && call.method === 'POST' && isForm ? 'sts' : undefined;
}

function keyOf(operation: Operation): string {
  return `${operation.name} ${operation.caller.account} ${operation.caller.region}`;
}

/** API Gateway's control plane has one allowance over all its operations, so it throttles as one. */
function quotaKeyOf(operation: Operation): string {
  return keyOf(
    operation.protocol.startsWith('api-gateway') ? { ...operation, name: 'api-gateway' } : operation,
  );
}

/** What stands between a caller and the work: quota, throttle, credentials, faults of the service or the network. */
function refusalOf(
  context: AwsContext,
  operation: Operation,
  quotas: Quotas | undefined,
  counters: Counters,
): AnyReply | undefined {
  const { protocol, caller, name } = operation;
  const { faults } = context;
  const key = keyOf(operation);
  if (quotas !== undefined && !quotas.admits(operation)) {
    counters.add(`aws.quota.${name}`);
    return errorReply(protocol, throttlingError(protocol));
  }
  if (faults.happens('throttle', quotaKeyOf(operation)) || faults.strikes('throttle-storm', key)) {
    return errorReply(protocol, throttlingError(protocol));
  }
  if (faults.happens('reset', `before ${key}`)) return { reset: true };
  if (faults.happens('aws-5xx', key) || faults.strikes('aws-outage', key))
    return errorReply(protocol, serverFault(protocol));
  if (caller.assumed && faults.happens('expired-credentials', key)) {
    return errorReply(protocol, expiredCredentials(protocol));
  }
  if (protocol === 'sts' && faults.strikes('sts-denied', key)) {
    return errorReply(protocol, deniedError(protocol, caller.account, name));
  }
  if (faults.happensAtFirst('denied', key, DENIED_CALLS)) {
    return errorReply(protocol, deniedError(protocol, caller.account, name));
  }
  return undefined;
}

function expiredCredentials(protocol: AwsProtocol): AwsError {
  const message = 'The security token included in the request is expired';
  const status = protocol === 'logs' ? 400 : 403;
  return new AwsError('ExpiredTokenException', message, { status, queryCode: 'ExpiredToken' });
}

function operationOf(context: AwsContext, protocol: AwsProtocol, call: Call): Operation {
  const caller = readCaller(call.header('authorization'), context.world);
  switch (protocol) {
    case 'cloudwatch':
      return cloudWatchOperation(context, caller, call);
    case 'logs':
      return logsOperation(context, caller, call);
    case 'sts':
      return stsOperation(context, caller, call);
    case 'api-gateway-v1':
      return controlPlaneOperation(context, protocol, caller, call, restApiRead(call.method, call.path));
    case 'api-gateway-v2':
      return controlPlaneOperation(context, protocol, caller, call, v2Read(call.method, call.path));
  }
}

function targetOf(call: Call): string {
  return call.header('x-amz-target')?.split('.')[1] ?? '';
}

function unknownOperation(name: string): AwsError {
  return new AwsError('UnknownOperationException', `The sandbox has no operation ${name}.`);
}

function cloudWatchOperation(context: AwsContext, caller: Caller, call: Call): Operation {
  const name = targetOf(call);
  const run = CLOUDWATCH[name];
  if (run === undefined) throw unknownOperation(name);
  // The SDK compresses what is long.
  const body = call.header('content-encoding') === 'gzip' ? gunzipSync(call.body) : call.body;
  const fields = parseFields(body, invalidValue);
  const operation = {
    protocol: 'cloudwatch',
    name,
    caller,
    run: () => run(context, caller, fields),
  } as const;
  return name === 'GetMetricData' ? { ...operation, datapoints: datapointsOf(context, fields) } : operation;
}

function logsOperation(context: AwsContext, caller: Caller, call: Call): Operation {
  const name = targetOf(call);
  const run = LOGS[name];
  if (run === undefined) throw unknownOperation(name);
  const fields = parseFields(call.body, invalidParameter);
  return { protocol: 'logs', name, caller, run: () => run(context, caller, fields) };
}

function stsOperation(context: AwsContext, caller: Caller, call: Call): Operation {
  const form = new URLSearchParams(call.body.toString());
  const name = form.get('Action') ?? '';
  const run = isSnsAction(name)
    ? () => runSns(context.sns, caller, form)
    : () => runSts(context, caller, form);
  return { protocol: 'sts', name, caller, run };
}

function controlPlaneOperation(
  context: AwsContext,
  protocol: 'api-gateway-v1' | 'api-gateway-v2',
  caller: Caller,
  call: Call,
  read: ReturnType<typeof restApiRead>,
): Operation {
  if (read === undefined)
    throw new AwsError('NotFoundException', 'The sandbox has no such operation.', { status: 404 });
  return { protocol, name: read.operation, caller, run: () => read.run(context, caller, call.query) };
}
