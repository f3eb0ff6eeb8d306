import type { Problem } from '../documents/problem.ts';
import { problemIn } from '../documents/validate.ts';
import type { Inventory } from '../model/inventory.ts';
import type { DesiredResource } from '../model/managed-resource.ts';
import { AlarmBuilder } from './alarm-builder.ts';
import type { AlarmInstance, Refusal } from './alarm-instance.ts';
import { type AlarmSource, alarmSources } from './alarm-sources.ts';
import { burnRateSets } from './burn-rates.ts';
import { instancesOf } from './each.ts';
import type { AlarmFiles } from './format/load-alarm-files.ts';

export interface Expansion {
  /** Tag that says whose alarms these are; two workspaces in one account never touch each other. */
  readonly workspace: string;
  readonly instances: readonly AlarmInstance[];
  /** Alarms and the metric filters they rest on. */
  readonly resources: readonly DesiredResource[];
  readonly refusals: readonly Refusal[];
  readonly problems: readonly Problem[];
  readonly budget: { readonly monthlyUsd?: number; readonly pagesPerWeek?: number };
}

const DEFAULT_WORKSPACE = 'default';

/** Alarms for everything that was discovered. Pure: the same files and inventory give the same resources. */
export function expandAlarms(
  files: AlarmFiles,
  inventory: Pick<Inventory, 'stages' | 'complete'>,
): Expansion {
  const problems: Problem[] = [];
  const burns = burnRateSets(files);
  problems.push(...burns.problems);
  const sources = alarmSources(files, burns.sets);
  const builder = new AlarmBuilder(files.routing[0]?.value.spec);
  for (const source of sources) {
    const instances = instancesOf(source.forEach, inventory.stages);
    if (instances.length === 0) problems.push(...emptyProblem(source, inventory.complete));
    for (const each of instances) builder.addMetricAlarms(source, each);
  }
  builder.addComposites();
  problems.push(...builder.problems, ...collisions(builder.instances));
  const [top] = files.defaults;
  const { monthly_usd, pages_per_week } = top?.value.spec.budget ?? {};
  return {
    workspace: top?.value.spec.workspace ?? DEFAULT_WORKSPACE,
    instances: builder.instances,
    resources: [
      ...builder.filters(top?.value.spec.workspace ?? DEFAULT_WORKSPACE),
      ...builder.instances.map((one) => one.resource),
    ],
    refusals: builder.refusals,
    problems,
    budget: {
      ...(monthly_usd === undefined ? {} : { monthlyUsd: monthly_usd }),
      ...(pages_per_week === undefined ? {} : { pagesPerWeek: pages_per_week }),
    },
  };
}

/** A selector that matches nothing is nearly always a typo; while the listing is partial it may only look so. */
function emptyProblem(source: AlarmSource, complete: boolean): readonly Problem[] {
  const { on_empty: onEmpty } = source.forEach;
  if (onEmpty === 'ok') return [];
  return [
    problemIn(source.document, ['spec', 'for_each'], {
      severity: onEmpty === 'error' && complete ? 'error' : 'warning',
      expected: `at least one ${source.forEach.source === 'routes' ? 'route' : 'stage'} that fits`,
      got: complete ? 'none' : 'none in what could be listed',
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
    if (known === undefined) {
      first.set(name, instance);
      return [];
    }
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
