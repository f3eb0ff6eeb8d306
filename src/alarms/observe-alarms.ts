import type { AlarmClients } from '../aws/alarm-clients.ts';
import type { DescribedAlarm } from '../aws/alarm-shapes.ts';
import { HeldError, IncompleteReadError, UserError } from '../core/errors.ts';
import { runLimited } from '../core/run-limited.ts';
import { childrenOf, parseRule, printRule } from '../evaluate/composite-rule.ts';
import type { DesiredResource, ObservedResource, Properties } from '../model/managed-resource.ts';
import { filterPlace } from '../plan/filter-limit.ts';
import { muteNamePrefix, OWNER_TAGS, ownershipOf } from '../plan/ownership.ts';
import { alarmNameOf, nameWithin } from './alarm-reference.ts';

export interface Scope {
  readonly account: string;
  readonly region: string;
}

export interface Observation {
  readonly observed: readonly ObservedResource[];
  /** `account/region` → why it was not read whole. Nothing there may be taken for gone. */
  readonly partial: ReadonlyMap<string, string>;
  /** `filterPlace` → how many metric filters it has that are not of the workspace. */
  readonly otherFilters: ReadonlyMap<string, number>;
}

export interface ObserveInput {
  readonly clients: AlarmClients;
  readonly workspace: string;
  /** Every account and Region that may hold something of the workspace. */
  readonly scopes: readonly Scope[];
  readonly desired: readonly DesiredResource[];
  /** False: mute rules are left alone, and not even asked for. */
  readonly muteRules?: boolean;
  readonly signal: AbortSignal;
}

const SCOPES_AT_ONCE = 4;

/**
 * Reads what AWS has: everything tagged with the workspace, and whatever stands at a name that the files ask for. A
 * Region that cannot be read is in `partial`; the others are read all the same.
 */
export async function observeAlarms(input: ObserveInput): Promise<Observation> {
  const observed: ObservedResource[] = [];
  const partial = new Map<string, string>();
  const otherFilters = new Map<string, number>();
  await runLimited(input.scopes, SCOPES_AT_ONCE, async (scope) => {
    try {
      const seen = await observeScope(input, scope);
      observed.push(...seen.resources);
      for (const [place, count] of seen.otherFilters) otherFilters.set(place, count);
    } catch (error) {
      if (!(error instanceof IncompleteReadError || error instanceof HeldError)) throw error;
      partial.set(`${scope.account}/${scope.region}`, error.message);
    }
  });
  return { observed, partial, otherFilters };
}

interface ScopeObservation {
  readonly resources: readonly ObservedResource[];
  readonly otherFilters: Observation['otherFilters'];
}

async function observeScope(input: ObserveInput, scope: Scope): Promise<ScopeObservation> {
  const { clients, workspace, signal } = input;
  const call = { ...scope, signal };
  const tagged = new Map<string, Readonly<Record<string, string>>>();
  for await (const page of clients.findByTag({ ...call, tag: OWNER_TAGS.workspace, value: workspace })) {
    for (const alarm of page) tagged.set(alarm.name, alarm.tags);
  }
  const names = new Set([...tagged.keys(), ...wantedNames(input.desired, scope)]);
  const alarms: ObservedResource[] = [];
  if (names.size > 0) {
    for await (const page of clients.describeAlarms({ ...call, names: [...names] })) {
      for (const alarm of page) {
        // The tagging API learns of a new alarm with a delay: what it does not know is asked for by itself.
        const tags = tagged.get(alarm.name) ?? (await clients.alarmTags({ ...call, name: alarm.name }));
        alarms.push(observedAlarm(scope, alarm, tags));
      }
    }
  }
  const mutes = input.muteRules === false ? [] : await observeMutes(input, scope);
  const { ours, others } = await observeFilters(input, scope);
  return { resources: [...alarms, ...ours, ...mutes], otherFilters: others };
}

function wantedNames(desired: readonly DesiredResource[], scope: Scope): readonly string[] {
  return desired.flatMap(({ key }) =>
    key.type.endsWith('_alarm') && key.account === scope.account && key.region === scope.region
      ? [key.name]
      : [],
  );
}

export function observedAlarm(
  scope: Scope,
  alarm: DescribedAlarm,
  tags: Readonly<Record<string, string>>,
): ObservedResource {
  return {
    key: { type: alarm.kind, ...scope, name: alarm.name },
    properties: withCanonicalRule(scope, alarm.properties),
    tags,
    state: alarm.state,
    ...(alarm.updatedMs === undefined ? {} : { updatedMs: alarm.updatedMs }),
    children: childNames(alarm),
  };
}

/** One rule may be written in many ways, with names or with addresses: compared is what it says. */
function withCanonicalRule(scope: Scope, properties: Properties): Properties {
  const { AlarmRule } = properties;
  if (typeof AlarmRule !== 'string') return properties;
  try {
    const rule = printRule(parseRule(AlarmRule), (reference) => nameWithin(scope, reference));
    return { ...properties, AlarmRule: rule };
  } catch (error) {
    if (error instanceof UserError) return properties;
    throw error;
  }
}

/** Names of what a composite reads, its suppressor included. A rule we cannot read is not ours to change either. */
function childNames(alarm: DescribedAlarm): readonly string[] {
  const { AlarmRule, ActionsSuppressor } = alarm.properties;
  if (typeof AlarmRule !== 'string') return [];
  const suppressor = typeof ActionsSuppressor === 'string' ? [ActionsSuppressor] : [];
  return [...readableChildren(AlarmRule), ...suppressor].map(alarmNameOf);
}

function readableChildren(rule: string): readonly string[] {
  try {
    return childrenOf(parseRule(rule));
  } catch {
    // Written by somebody else in a form we do not take: whatever is quoted in it may be a child.
    return [...rule.matchAll(/"((?:[^"\\]|\\.)*)"|\(([^()",]+)\)/g)].map(
      (match) => match[1] ?? match[2] ?? '',
    );
  }
}

/** Metric filters of one account and Region: ours, and of everybody else's how many each log group has. */
export async function observeFilters(
  {
    clients,
    workspace,
    signal,
  }: Pick<ObserveInput, 'workspace' | 'signal'> & {
    readonly clients: Pick<AlarmClients, 'listFilters'>;
  },
  scope: Scope,
): Promise<{ readonly ours: readonly ObservedResource[]; readonly others: ReadonlyMap<string, number> }> {
  const ours: ObservedResource[] = [];
  const others = new Map<string, number>();
  for await (const page of clients.listFilters({ ...scope, signal })) {
    for (const { name, logGroup, properties } of page) {
      const key = { type: 'metric_filter', ...scope, name, logGroup } as const;
      const resource = { key, properties, children: [] };
      if (ownershipOf(resource, workspace).kind === 'ours') ours.push(resource);
      else others.set(filterPlace(key), (others.get(filterPlace(key)) ?? 0) + 1);
    }
  }
  return { ours, others };
}

async function observeMutes(input: ObserveInput, scope: Scope): Promise<readonly ObservedResource[]> {
  const { clients, workspace, signal } = input;
  const mutes: ObservedResource[] = [];
  try {
    for await (const page of clients.listMutes({ ...scope, signal, prefix: muteNamePrefix(workspace) })) {
      for (const { name, properties } of page) {
        mutes.push({ key: { type: 'mute_rule', ...scope, name }, properties, children: [] });
      }
    }
    return mutes;
  } catch (error) {
    if (!(error instanceof IncompleteReadError || error instanceof HeldError)) throw error;
    const remedy = 'where CloudWatch has no alarm mute rules, or you use none, set alarms.muteRules: false';
    throw new IncompleteReadError(`${error.message}; ${remedy}`, { cause: error });
  }
}
