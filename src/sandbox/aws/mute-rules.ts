import { UserError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import { MuteWindow } from '../../evaluate/mute-window.ts';
import type { Reply } from '../http-exchange.ts';
import { missingParameter, resourceNotFound } from './alarm-model.ts';
import { AwsError } from './aws-errors.ts';
import type { Caller } from './caller.ts';
import { cloudWatchReply, invalidValue } from './cloudwatch-model.ts';
import { muteArn, type StoredMute } from './mute-rule-store.ts';
import type { AwsContext } from './operation.ts';
import { makeToken, markOf, readToken } from './page-token.ts';
import { boundedNumber, type Fields, optionalNumber, optionalText, optionalTexts } from './request-fields.ts';

const MAX_NAMES = 100;
const PAGE = { min: 1, max: 100, fallback: 50 };
const PROPERTIES = ['Description', 'Rule', 'MuteTargets', 'StartDate', 'ExpireDate'];

export function putAlarmMuteRule(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const name = optionalText(fields, 'Name', invalidValue) ?? '';
  if (name === '') throw missingParameter('Name');
  if (name.length > 255) throw invalidValue('Name must not be longer than 255 characters.');
  const alarms = targetsOf(context, caller, fields);
  const startS = optionalNumber(fields, 'StartDate', invalidValue);
  const expireS = optionalNumber(fields, 'ExpireDate', invalidValue);
  const schedule = scheduleOf(fields);
  const kept = PROPERTIES.filter((one) => fields[one] !== undefined && fields[one] !== null);
  const { account, region } = caller;
  context.muteRules.put({
    account,
    region,
    name,
    arn: muteArn(caller, name),
    properties: Object.fromEntries(kept.map((one) => [one, fields[one]])),
    alarms,
    window: windowOf({
      ...schedule,
      ...(startS === undefined ? {} : { startMs: startS * 1_000 }),
      ...(expireS === undefined ? {} : { expireMs: expireS * 1_000 }),
    }),
    oneTime: schedule.expression.startsWith('at('),
    expireMs: expireS === undefined ? Number.POSITIVE_INFINITY : expireS * 1_000,
    updatedMs: context.now(),
  });
  context.alarmEngine.unmute(context.now());
  return cloudWatchReply('{}');
}

function targetsOf(context: AwsContext, caller: Caller, fields: Fields): ReadonlySet<string> {
  const targets = isObject(fields.MuteTargets) ? fields.MuteTargets : {};
  const names = optionalTexts(targets, 'AlarmNames', invalidValue) ?? [];
  if (names.length > MAX_NAMES)
    throw invalidValue(`AlarmNames must not have more than ${MAX_NAMES} members.`);
  const unknown = names.find((name) => context.alarms.get(caller, name) === undefined);
  if (unknown !== undefined) throw invalidValue(`The alarm ${unknown} given in MuteTargets does not exist.`);
  return new Set(names);
}

function scheduleOf(fields: Fields) {
  const rule = isObject(fields.Rule) ? fields.Rule : {};
  if (!isObject(rule.Schedule)) throw missingParameter('Rule.Schedule');
  const expression = optionalText(rule.Schedule, 'Expression', invalidValue);
  const duration = optionalText(rule.Schedule, 'Duration', invalidValue);
  if (expression === undefined || duration === undefined)
    throw missingParameter('Rule.Schedule.Expression and Duration');
  const timezone = optionalText(rule.Schedule, 'Timezone', invalidValue);
  return { expression, duration, ...(timezone === undefined ? {} : { timezone }) };
}

function windowOf(schedule: ConstructorParameters<typeof MuteWindow>[0]): MuteWindow {
  try {
    return new MuteWindow(schedule);
  } catch (error) {
    if (error instanceof UserError) throw invalidValue(error.message);
    throw error;
  }
}

export function getAlarmMuteRule(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const name = optionalText(fields, 'AlarmMuteRuleName', invalidValue) ?? '';
  const mute = context.muteRules.get(caller, name);
  if (mute === undefined) throw resourceNotFound(`The alarm mute rule ${name}`);
  return cloudWatchReply(JSON.stringify({ Name: name, ...mute.properties, ...summaryOf(context, mute) }));
}

export function listAlarmMuteRules(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const alarm = optionalText(fields, 'AlarmName', invalidValue);
  const statuses = optionalTexts(fields, 'Statuses', invalidValue);
  const found = context.muteRules
    .of(caller)
    .filter(({ alarms }) => alarm === undefined || alarms.has(alarm))
    .filter((mute) => statuses?.includes(statusOf(context, mute)) ?? true);
  const size = boundedNumber(fields, 'MaxRecords', PAGE, invalidValue);
  const mark = markOf([caller.account, caller.region, alarm, statuses]);
  const start = startOf(context, optionalText(fields, 'NextToken', invalidValue), mark);
  const isMore = start + size < found.length;
  return cloudWatchReply(
    JSON.stringify({
      AlarmMuteRuleSummaries: found.slice(start, start + size).map((mute) => summaryOf(context, mute)),
      ...(isMore ? { NextToken: makeToken([start + size], mark, context.now()) } : {}),
    }),
  );
}

function startOf(context: AwsContext, token: string | undefined, mark: string): number {
  if (token === undefined) return 0;
  const fail = (why: string) => new AwsError('InvalidNextToken', why);
  const [start] = readToken(token, { mark, nowMs: context.now(), lifeMs: context.limits.tokenLifeMs }, fail);
  if (typeof start !== 'number') throw fail('The specified nextToken is invalid.');
  return start;
}

function summaryOf(context: AwsContext, mute: StoredMute): Fields {
  return {
    AlarmMuteRuleArn: mute.arn,
    Status: statusOf(context, mute),
    MuteType: mute.oneTime ? 'ONE_TIME' : 'RECURRING',
    LastUpdatedTimestamp: mute.updatedMs / 1_000,
    ...(mute.properties.ExpireDate === undefined ? {} : { ExpireDate: mute.properties.ExpireDate }),
  };
}

function statusOf(context: AwsContext, { window, expireMs }: StoredMute): string {
  if (context.now() >= expireMs) return 'EXPIRED';
  return window.isActiveAt(context.now()) ? 'ACTIVE' : 'SCHEDULED';
}

/** Succeeds for a rule that does not exist. Alarms it muted act at once if they are in ALARM. */
export function deleteAlarmMuteRule(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const name = optionalText(fields, 'AlarmMuteRuleName', invalidValue);
  if (name === undefined) throw missingParameter('AlarmMuteRuleName');
  context.muteRules.delete(caller, name);
  context.alarmEngine.unmute(context.now());
  return cloudWatchReply('{}');
}
