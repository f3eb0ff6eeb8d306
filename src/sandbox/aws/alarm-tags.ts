import type { Reply } from '../http-exchange.ts';
import { resourceNotFound, type StoredAlarm } from './alarm-model.ts';
import { readTags } from './alarm-operations.ts';
import { AwsError } from './aws-errors.ts';
import type { Caller } from './caller.ts';
import { cloudWatchReply, invalidValue } from './cloudwatch-model.ts';
import type { AwsContext } from './operation.ts';
import { makeToken, markOf, readToken } from './page-token.ts';
import {
  boundedNumber,
  type Fields,
  optionalObjects,
  optionalText,
  optionalTexts,
} from './request-fields.ts';

export function tagResource(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const alarm = taggedAlarm(context, caller, fields);
  for (const [key, value] of readTags(fields)) alarm.tags.set(key, value);
  return cloudWatchReply('{}');
}

export function untagResource(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const alarm = taggedAlarm(context, caller, fields);
  for (const key of optionalTexts(fields, 'TagKeys', invalidValue) ?? []) alarm.tags.delete(key);
  return cloudWatchReply('{}');
}

export function listTagsForResource(context: AwsContext, caller: Caller, fields: Fields): Reply {
  return cloudWatchReply(JSON.stringify({ Tags: tagList(taggedAlarm(context, caller, fields)) }));
}

function taggedAlarm(context: AwsContext, caller: Caller, fields: Fields): StoredAlarm {
  const arn = optionalText(fields, 'ResourceARN', invalidValue) ?? '';
  const alarm = context.alarms.byArn(arn);
  if (alarm === undefined || alarm.account !== caller.account) throw resourceNotFound(arn);
  return alarm;
}

function tagList(alarm: StoredAlarm): readonly { readonly Key: string; readonly Value: string }[] {
  return [...alarm.tags].map(([Key, Value]) => ({ Key, Value }));
}

function taggingError(why: string): AwsError {
  return new AwsError('InvalidParameterException', why);
}

const PAGE = { min: 1, max: 100, fallback: 50 };

/** Resource Groups Tagging API: alarms of the caller's account and Region, by type and tags. */
export function getResources(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const types = optionalTexts(fields, 'ResourceTypeFilters', taggingError) ?? ['cloudwatch:alarm'];
  const filters = optionalObjects(fields, 'TagFilters', taggingError) ?? [];
  const serves = types.some((type) => type === 'cloudwatch' || type === 'cloudwatch:alarm');
  const found = (serves ? context.alarms.of(caller) : [])
    .filter((alarm) => alarm.tags.size > 0 && filters.every((filter) => fits(alarm, filter)))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  const size = boundedNumber(fields, 'ResourcesPerPage', PAGE, taggingError);
  const mark = markOf([caller.account, caller.region, types, fields.TagFilters ?? []]);
  const token = optionalText(fields, 'PaginationToken', taggingError) ?? '';
  const start = token === '' ? 0 : startOf(context, token, mark);
  const next = start + size < found.length ? makeToken([start + size], mark, context.now()) : '';
  const body = {
    PaginationToken: next,
    ResourceTagMappingList: found
      .slice(start, start + size)
      .map((alarm) => ({ ResourceARN: alarm.arn, Tags: tagList(alarm) })),
  };
  return {
    status: 200,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify(body),
  };
}

function fits(alarm: StoredAlarm, filter: Fields): boolean {
  const value = alarm.tags.get(optionalText(filter, 'Key', taggingError) ?? '');
  if (value === undefined) return false;
  const values = optionalTexts(filter, 'Values', taggingError) ?? [];
  return values.length === 0 || values.includes(value);
}

function startOf(context: AwsContext, token: string, mark: string): number {
  const fail = (why: string) => new AwsError('PaginationTokenExpiredException', why);
  const expected = { mark, nowMs: context.now(), lifeMs: context.limits.tokenLifeMs };
  const [start] = readToken(token, expected, fail);
  if (typeof start !== 'number') throw fail('The token is invalid.');
  return start;
}
