import type { Problem } from '../documents/problem.ts';
import { problemIn } from '../documents/validate.ts';
import type { Inventory } from '../model/inventory.ts';
import type { DesiredResource } from '../model/managed-resource.ts';
import { AlarmBuilder } from './alarm-builder.ts';
import type { AlarmInstance, Refusal } from './alarm-instance.ts';
import { type AlarmSource, alarmSources } from './alarm-sources.ts';
import { burnRateSets } from './burn-rates.ts';
import { referenceProblems } from './check-references.ts';
import { disableProblems } from './disabled-rules.ts';
import { instancesOf, unknownPlaces } from './each.ts';
import type { AlarmFiles } from './format/load-alarm-files.ts';
import { muteResources } from './mute-rules.ts';

export interface Expansion {
  /** Tag that says whose alarms these are; two workspaces in one account never touch each other. */
  readonly workspace: string;
  readonly instances: readonly AlarmInstance[];
  /** Alarms, the metric filters they rest on, and the rules that mute them. */
  readonly resources: readonly DesiredResource[];
  readonly refusals: readonly Refusal[];
  readonly problems: readonly Problem[];
  readonly budget: { readonly monthlyUsd?: number; readonly pagesPerWeek?: number };
  /** IANA name of the time zone in which it is night for those who are told. */
  readonly timeZone?: string;
}

const DEFAULT_WORKSPACE = 'default';

/**
 * Alarms for everything that was discovered. Pure: the same files and inventory give the same resources. Metric filters that
 * their log group has no room for (`refusedFilters`, by id, with the reason) are left out, and so is what rests on them.
 */
export function expandAlarms(
  files: AlarmFiles,
  inventory: Pick<Inventory, 'stages' | 'complete'>,
  refusedFilters: ReadonlyMap<string, string> = new Map(),
): Expansion {
  const problems: Problem[] = [];
  const burns = burnRateSets(files);
  const references = referenceProblems(files);
  problems.push(...burns.problems, ...disableProblems(files), ...references);
  const sources = alarmSources(files, burns.sets);
  const [routing] = files.routing;
  // What is wrong with the routes is told once, not for every alarm that takes them.
  const isRouted = references.every(({ file }) => file !== routing?.document.file);
  const builder = new AlarmBuilder(isRouted ? routing : undefined, files.published, refusedFilters);
  for (const source of sources) {
    const instances = instancesOf(source.forEach, inventory.stages);
    problems.push(...selectionProblems(source, instances.length === 0, inventory));
    for (const each of instances) builder.addMetricAlarms(source, each);
  }
  builder.addComposites();
  problems.push(...builder.problems, ...collisions(builder.instances));
  const [top] = files.defaults;
  const { monthly_usd, pages_per_week } = top?.value.spec.budget ?? {};
  const workspace = top?.value.spec.workspace ?? DEFAULT_WORKSPACE;
  const { complete } = inventory;
  const muting = muteResources({ mutes: files.mutes, instances: builder.instances, workspace, complete });
  return {
    workspace,
    instances: builder.instances,
    resources: [
      ...builder.filters(workspace),
      ...builder.instances.map((one) => one.resource),
      ...muting.resources,
    ],
    refusals: builder.refusals,
    problems: [...problems, ...muting.problems],
    budget: {
      ...(monthly_usd === undefined ? {} : { monthlyUsd: monthly_usd }),
      ...(pages_per_week === undefined ? {} : { pagesPerWeek: pages_per_week }),
    },
    ...(top?.value.spec.timezone === undefined ? {} : { timeZone: top.value.spec.timezone }),
  };
}

/** A selector that matches nothing is nearly always a typo; while the listing is partial it may only look so. */
function selectionProblems(
  source: AlarmSource,
  isEmpty: boolean,
  { stages, complete }: Pick<Inventory, 'stages' | 'complete'>,
): readonly Problem[] {
  const { forEach, document } = source;
  if (forEach.on_empty === 'ok') return [];
  const severity = forEach.on_empty === 'error' && complete ? 'error' : 'warning';
  const none = complete ? '' : ' in what could be listed';
  if (forEach.source === 'list') {
    return unknownPlaces(forEach, stages).map(({ index, got, near }) =>
      problemIn(document, ['spec', 'for_each', 'values', index], {
        severity,
        expected: 'a stage (api/stage) or route (api/stage ROUTE) that exists',
        got: `${got}, which is none${none}`,
        remedy: near === undefined ? 'correct it, or say on_empty: ok' : `did you mean ${near}?`,
      }),
    );
  }
  if (!isEmpty) return [];
  return [
    problemIn(document, ['spec', 'for_each'], {
      severity,
      expected: `at least one ${forEach.source === 'routes' ? 'route' : 'stage'} that fits`,
      got: `none${none}`,
      remedy: 'correct the selector, or say on_empty: ok',
    }),
  ];
}

/** Names are what AWS knows alarms by: two alarms of one name would overwrite each other for ever. */
function collisions(instances: readonly AlarmInstance[]): readonly Problem[] {
  const first = new Map<string, AlarmInstance>();
  return instances.flatMap((instance) => {
    const { key, origins } = instance.resource;
    const name = `${key.account}/${key.region}/${key.name}`;
    const known = first.get(name);
    if (known === undefined) first.set(name, instance);
    // Two of one id are told where they are written.
    if (known === undefined || known.id === instance.id) return [];
    const origin = origins.id ?? { file: instance.set, line: 1 };
    return [
      {
        severity: 'error',
        file: origin.file,
        line: origin.line,
        column: 1,
        path: instance.id,
        expected: 'a name that no other alarm has',
        got: `${key.name}, which ${known.id} has too`,
        remedy: 'put ${each.api.id} or ${alarm.id} into nameTemplate',
      },
    ];
  });
}
