import type { Problem } from '../documents/problem.ts';
import { problemIn } from '../documents/validate.ts';
import type { DesiredResource, Origin, Properties } from '../model/managed-resource.ts';
import { muteNamePrefix } from '../plan/ownership.ts';
import type { AlarmInstance } from './alarm-instance.ts';
import type { FileOf } from './format/kinds.ts';
import type { Loaded } from './format/load-alarm-files.ts';

type MuteFile = Loaded<'MuteRule'>;

export interface MuteExpansion {
  readonly resources: readonly DesiredResource[];
  readonly problems: readonly Problem[];
}

/** CloudWatch takes this many names in one rule: what mutes more becomes several rules. */
const NAMES_PER_RULE = 100;
const MAX_DESCRIPTION = 1_024;

/** Whether a mute rule takes an alarm: every label it names must agree. */
export function mutes(spec: Pick<FileOf<'MuteRule'>['spec'], 'match'>, { labels }: AlarmInstance): boolean {
  return Object.entries(spec.match ?? {}).every(([label, value]) => labels[label] === value);
}

/**
 * Mute rules for the alarms they take, in each account and Region where there are some. One whose labels no alarm can have
 * is a typo. One that only names an API or a stage which is not there may be early, late, or a typo.
 */
export function muteResources(input: {
  readonly mutes: readonly MuteFile[];
  readonly instances: readonly AlarmInstance[];
  readonly workspace: string;
  readonly complete: boolean;
}): MuteExpansion {
  const expanded = input.mutes.map((file) => {
    const taken = input.instances.filter((instance) => mutes(file.value.spec, instance));
    if (taken.length === 0) return { resources: [], problems: [emptyProblem(file, input)] };
    return { resources: rulesOf(file, taken, input.workspace), problems: [] };
  });
  return {
    resources: expanded.flatMap(({ resources }) => resources),
    problems: expanded.flatMap(({ problems }) => problems),
  };
}

/** Labels that only discovery gives. */
const PLACE_LABELS = new Set(['api', 'stage', 'account', 'region']);

function emptyProblem(
  { document, value }: MuteFile,
  { instances, complete }: { readonly instances: readonly AlarmInstance[]; readonly complete: boolean },
): Problem {
  const elsewhere = Object.entries(value.spec.match ?? {}).filter(([label]) => !PLACE_LABELS.has(label));
  const isTypo = !instances.some((instance) => mutes({ match: Object.fromEntries(elsewhere) }, instance));
  return problemIn(document, ['spec', 'match'], {
    severity: complete && isTypo ? 'error' : 'warning',
    expected: 'labels that at least one alarm has (api, stage, protocol, set, alarm, severity, or your own)',
    got: complete ? 'labels of none' : 'labels of none in what could be listed',
    remedy: 'correct the labels, or remove the rule',
  });
}

function rulesOf(file: MuteFile, taken: readonly AlarmInstance[], workspace: string): DesiredResource[] {
  const scopes = Map.groupBy(taken, ({ resource }) => `${resource.key.account}/${resource.key.region}`);
  return [...scopes.values()].flatMap((instances) => {
    const names = instances.map(({ resource }) => resource.key.name).sort();
    const [first] = instances;
    if (first === undefined) return [];
    const { account, region } = first.resource.key;
    return Array.from({ length: Math.ceil(names.length / NAMES_PER_RULE) }, (_, index) => {
      const part = names.slice(index * NAMES_PER_RULE, (index + 1) * NAMES_PER_RULE);
      const id = `${file.value.metadata.name}${index === 0 ? '' : `_${index + 1}`}`;
      return {
        id,
        key: { type: 'mute_rule', account, region, name: `${muteNamePrefix(workspace)}${id}` },
        properties: propertiesOf(file.value, part),
        tags: {},
        origins: originsOf(file),
        children: part,
        lifecycle: { preventDestroy: false, ignoreChanges: [], adopt: 'never' },
      } as const;
    });
  });
}

function propertiesOf({ metadata, spec }: FileOf<'MuteRule'>, names: readonly string[]): Properties {
  const reason = spec.reason ?? metadata.displayName ?? metadata.name;
  return {
    Description: `${reason}\nManaged by gatewatch: change its file, not the rule.`.slice(0, MAX_DESCRIPTION),
    Rule: {
      Schedule: {
        Expression: spec.schedule,
        Duration: spec.duration,
        ...(spec.timezone === undefined ? {} : { Timezone: spec.timezone }),
      },
    },
    MuteTargets: { AlarmNames: names },
    ...(spec.start === undefined ? {} : { StartDate: spec.start }),
    ...(spec.expire === undefined ? {} : { ExpireDate: spec.expire }),
  };
}

const WRITTEN_AS: Readonly<Record<string, string>> = {
  Rule: 'schedule',
  MuteTargets: 'match',
  Description: 'reason',
  StartDate: 'start',
  ExpireDate: 'expire',
};

function originsOf({ document }: MuteFile): Readonly<Record<string, Origin>> {
  const origins = Object.entries(WRITTEN_AS).map(([property, field]) => {
    const { line } = document.keyPositionOf(['spec', field]);
    return [property, { file: document.file, line }] as const;
  });
  return Object.fromEntries(origins);
}
