/** Plain JSON, as AWS takes and returns it. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

export type Properties = Readonly<Record<string, JsonValue>>;

/** What Gatewatch creates, changes and removes in an account. */
export type ResourceType = 'metric_filter' | 'metric_alarm' | 'composite_alarm' | 'mute_rule';

/** One resource in one account and Region. Metric and composite alarms share their names. */
export interface ResourceKey {
  readonly type: ResourceType;
  /** Twelve digits. */
  readonly account: string;
  readonly region: string;
  readonly name: string;
  /** Log group of a metric filter, whose name is unique in its group only. */
  readonly logGroup?: string;
}

/** Where a value was written, for people: the file relative to the directory of alarms, the line from 1. */
export interface Origin {
  readonly file: string;
  readonly line: number;
}

export interface Lifecycle {
  readonly preventDestroy: boolean;
  /** Properties that somebody else sets: read from AWS and sent back as they are. */
  readonly ignoreChanges: readonly string[];
  /** Whether a resource of this name that nobody manages may be taken over. */
  readonly adopt: 'never' | 'if-identical' | 'always';
}

/** What the files ask for. */
export interface DesiredResource {
  /** `set/alarm[each-key]`: stays when the name in AWS changes. */
  readonly id: string;
  readonly key: ResourceKey;
  /** PutMetricAlarm, PutCompositeAlarm, PutMetricFilter or PutAlarmMuteRule, without name and tags. */
  readonly properties: Properties;
  readonly tags: Readonly<Record<string, string>>;
  /** Where each property came from. */
  readonly origins: Readonly<Record<string, Origin>>;
  /** Names of the alarms a composite reads, or a mute rule is for: they must exist first. */
  readonly children: readonly string[];
  readonly lifecycle: Lifecycle;
}

/** What AWS has. */
export interface ObservedResource {
  readonly key: ResourceKey;
  readonly properties: Properties;
  /** Absent for a metric filter and a mute rule: the first cannot carry tags, of the second they cannot be read back. */
  readonly tags?: Readonly<Record<string, string>>;
  /** `StateValue` of an alarm. */
  readonly state?: string;
  /** `AlarmConfigurationUpdatedTimestamp`; tells a saved plan that something has changed since. */
  readonly updatedMs?: number;
  /** Names of the alarms a composite reads. Of a mute rule none: it holds no alarm back from being deleted. */
  readonly children: readonly string[];
}

export function resourceKeyText(key: ResourceKey): string {
  return `${key.account}/${key.region}/${kindText(key)}/${key.name}`;
}

function kindText({ type, logGroup }: ResourceKey): string {
  if (type === 'metric_filter') return `metric_filter/${logGroup ?? ''}`;
  return type === 'mute_rule' ? 'mute_rule' : 'alarm';
}
