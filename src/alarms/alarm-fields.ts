import { parseDuration } from '../core/duration.ts';
import { UserError } from '../core/errors.ts';
import type { JsonValue, Lifecycle, Properties } from '../model/managed-resource.ts';
import type { Severity } from './alarm-instance.ts';
import type { AlarmEntry, AlarmSource } from './alarm-sources.ts';
import { tagValue } from './describe-alarm.ts';
import type { Each } from './each.ts';
import { type FieldValues, isMap } from './format/layers.ts';
import { actionsOf, type Receiver } from './routing.ts';

/** What the parts of an alarm are read from: its fields are merged, expressions evaluated. */
export interface DraftedAlarm {
  readonly source: Pick<AlarmSource, 'name' | 'labels' | 'tags'>;
  readonly entry: Pick<AlarmEntry, 'id'>;
  readonly each: Each;
  readonly fields: FieldValues;
}

const DEFAULT_SUPPRESSION_MS = 60_000;

/** Milliseconds already, unless an override wrote it: overrides are not held to the schema of an alarm. */
export function durationMs(value: JsonValue | undefined): number {
  if (typeof value === 'number') return value;
  return parseDuration(String(value)) ?? DEFAULT_SUPPRESSION_MS;
}

export function severityOf(value: JsonValue | undefined): Severity {
  return value === 'page' || value === 'ticket' ? value : 'info';
}

/** Routing matches on these: the alarm's own labels win over the set's. */
export function labelsOf(draft: DraftedAlarm, severity: Severity): Readonly<Record<string, string>> {
  const { stage } = draft.each;
  return {
    api: stage.apiName,
    stage: stage.stage,
    protocol: stage.protocol,
    account: stage.account,
    region: stage.region,
    set: draft.source.name,
    alarm: draft.entry.id,
    severity,
    ...draft.source.labels,
    ...textsOf(draft.fields.labels),
  };
}

export function textsOf(value: JsonValue | undefined): Readonly<Record<string, string>> {
  if (!isMap(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, String(item)]));
}

export function tagsOf(
  draft: DraftedAlarm,
  labels: Readonly<Record<string, string>>,
  owner: string | undefined,
  runbook: string | undefined,
): Readonly<Record<string, string>> {
  const made: Record<string, string> = {
    ...draft.source.tags,
    ...textsOf(draft.fields.tags),
    severity: labels.severity ?? 'info',
    api: labels.api ?? '',
    stage: labels.stage ?? '',
    ...(labels.team === undefined ? {} : { team: labels.team }),
    ...(owner === undefined ? {} : { owner }),
    ...(runbook === undefined ? {} : { runbook }),
  };
  return Object.fromEntries(Object.entries(made).map(([name, value]) => [name, tagValue(value)]));
}

/** Actions written by hand stay; receivers are added to them. */
export function withActions(
  properties: Properties,
  receivers: readonly Receiver[],
  own: Properties,
): Properties {
  const made: Record<string, JsonValue> = { ...own, ...properties };
  for (const [list, actions] of Object.entries(actionsOf(receivers))) {
    const written = made[list];
    made[list] = [...new Set([...(Array.isArray(written) ? written.map(String) : []), ...actions])];
  }
  return made;
}

export function lifecycleOf(value: JsonValue | undefined): Lifecycle {
  const fields = isMap(value) ? value : {};
  return {
    preventDestroy: fields.prevent_destroy === true,
    ignoreChanges: Array.isArray(fields.ignore_changes) ? fields.ignore_changes.map(String) : [],
    adopt: fields.adopt === 'always' || fields.adopt === 'if-identical' ? fields.adopt : 'never',
  };
}

/** What a composite may carry under CloudFormation's names: the rest of the defaults is for metric alarms. */
const COMPOSITE_FIELDS = new Set([
  'AlarmDescription',
  'ActionsEnabled',
  'AlarmActions',
  'OKActions',
  'InsufficientDataActions',
  'ActionConfiguration',
]);

export function compositeProperties(fields: FieldValues): Properties {
  const own = Object.entries(fields).filter(([name]) => COMPOSITE_FIELDS.has(name));
  return { ...Object.fromEntries(own), ...(isMap(fields.raw) ? fields.raw : {}) };
}

/** Longest name of an alarm. Source: CloudWatch API reference, PutMetricAlarm. */
const MAX_NAME = 255;

/** @throws {UserError} `alarm_name` for a name that CloudWatch would refuse. */
export function checkedName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: CloudWatch refuses exactly these
  if (name.length > 0 && name.length <= MAX_NAME && !/[\u0000-\u001f\u007f]/.test(name)) return name;
  throw new UserError(
    'alarm_name',
    `Expected nameTemplate to give 1 to ${MAX_NAME} characters without control characters, got ${name.length}: ${name.slice(0, 80)}`,
  );
}
