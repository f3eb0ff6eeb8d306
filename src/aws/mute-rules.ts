import {
  DeleteAlarmMuteRuleCommand,
  GetAlarmMuteRuleCommand,
  type GetAlarmMuteRuleOutput,
  ListAlarmMuteRulesCommand,
  PutAlarmMuteRuleCommand,
  type Rule,
} from '@aws-sdk/client-cloudwatch';
import { HeldError } from '../core/errors.ts';
import { isObject } from '../core/json.ts';
import type { JsonValue, Properties } from '../model/managed-resource.ts';
import type { AlarmCall, AlarmScope } from './alarm-scope.ts';
import { toJson, unfit } from './alarm-shapes.ts';
import { pagedListing } from './paged-listing.ts';
import { required } from './required-member.ts';

/** An alarm mute rule; `properties` are those that PutAlarmMuteRule takes, times as ISO 8601 texts. */
export interface DescribedMute {
  readonly name: string;
  readonly properties: Properties;
}

const SETTINGS = ['Description', 'Rule', 'MuteTargets', 'StartDate', 'ExpireDate'] as const;
const MARKER = ':alarm-mute-rule:';

/** Mute rules whose name begins with `prefix`. The listing gives addresses only, so each is asked for by itself. */
export async function* listMutes(
  scoped: AlarmScope,
  call: AlarmCall & { readonly prefix: string },
): AsyncIterable<readonly DescribedMute[]> {
  for await (const names of muteNames(scoped, call)) {
    const found: DescribedMute[] = [];
    for (const name of names.filter((one) => one.startsWith(call.prefix))) {
      const mute = await getMute(scoped, { ...call, name });
      if (mute !== undefined) found.push(mute);
    }
    yield found;
  }
}

function muteNames(scoped: AlarmScope, call: AlarmCall): AsyncIterable<readonly string[]> {
  return pagedListing('ListAlarmMuteRules', async (token) => {
    const command = new ListAlarmMuteRulesCommand(token === undefined ? {} : { NextToken: token });
    const note = scoped.note(call, 'ListAlarmMuteRules', 'MuteRules', 'alarm mute rules');
    const page = await scoped.calls.send(
      command,
      (sent, options) => scoped.cloudWatch.send(sent, options),
      note,
    );
    const items = (page.AlarmMuteRuleSummaries ?? []).map((summary) => {
      const arn = required(summary.AlarmMuteRuleArn, 'AlarmMuteRuleArn', 'a mute rule');
      return arn.slice(arn.indexOf(MARKER) + MARKER.length);
    });
    return { items, next: page.NextToken };
  });
}

/** `undefined`: there is no such rule. */
export async function getMute(
  scoped: AlarmScope,
  call: AlarmCall & { readonly name: string },
): Promise<DescribedMute | undefined> {
  const command = new GetAlarmMuteRuleCommand({ AlarmMuteRuleName: call.name });
  const note = scoped.note(call, 'GetAlarmMuteRule', 'MuteRules', `mute rule ${call.name}`);
  try {
    const answer = await scoped.calls.send(
      command,
      (sent, options) => scoped.cloudWatch.send(sent, options),
      note,
    );
    return { name: call.name, properties: propertiesOf(answer) };
  } catch (error) {
    if (error instanceof HeldError && error.code === 'aws_not_found') return undefined;
    throw error;
  }
}

function propertiesOf(answer: GetAlarmMuteRuleOutput): Properties {
  const found: Record<string, JsonValue> = {};
  for (const name of SETTINGS) {
    const value = toJson(answer[name]);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

export async function putMute(scoped: AlarmScope, call: AlarmCall & DescribedMute): Promise<void> {
  const { Description, Rule, MuteTargets, StartDate, ExpireDate } = call.properties;
  const names = isObject(MuteTargets) ? MuteTargets.AlarmNames : undefined;
  if (!isRule(Rule) || !Array.isArray(names)) throw unfit(call.name, 'Rule and MuteTargets');
  const command = new PutAlarmMuteRuleCommand({
    Name: call.name,
    Rule,
    MuteTargets: { AlarmNames: names.map(String) },
    ...(typeof Description === 'string' ? { Description } : {}),
    ...(typeof StartDate === 'string' ? { StartDate: new Date(StartDate) } : {}),
    ...(typeof ExpireDate === 'string' ? { ExpireDate: new Date(ExpireDate) } : {}),
  });
  const note = scoped.note(call, 'PutAlarmMuteRule', 'MuteRules', `mute rule ${call.name}`);
  await scoped.calls.send(command, (sent, options) => scoped.cloudWatch.send(sent, options), note);
}

function isRule(value: unknown): value is Rule {
  const schedule = isObject(value) ? value.Schedule : undefined;
  return (
    isObject(schedule) && typeof schedule.Expression === 'string' && typeof schedule.Duration === 'string'
  );
}

/** Whoever is muted by it acts at once if it is in ALARM. */
export async function deleteMute(
  scoped: AlarmScope,
  call: AlarmCall & { readonly name: string },
): Promise<void> {
  const command = new DeleteAlarmMuteRuleCommand({ AlarmMuteRuleName: call.name });
  const note = scoped.note(call, 'DeleteAlarmMuteRule', 'MuteRules', `mute rule ${call.name}`);
  await scoped.calls.send(command, (sent, options) => scoped.cloudWatch.send(sent, options), note);
}
