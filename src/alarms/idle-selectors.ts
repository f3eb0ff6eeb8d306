import type { Problem } from '../documents/problem.ts';
import { problemIn } from '../documents/validate.ts';
import type { Inventory } from '../model/inventory.ts';
import { instancesOf, selects } from './each.ts';
import type { Selector } from './format/kinds.ts';
import type { AlarmFiles, Loaded } from './format/load-alarm-files.ts';

/**
 * Selectors that take nothing where they could: an override that changes no alarm, an exclusion that excludes no API. Both
 * look like typos, and neither would show anywhere else. Only a whole listing can tell.
 */
export function idleSelectors(
  files: AlarmFiles,
  { stages, complete }: Pick<Inventory, 'stages' | 'complete'>,
): readonly Problem[] {
  return complete
    ? files.sets.flatMap((set) => [...idleOverrides(set, stages), ...idleExclusions(set, stages)])
    : [];
}

function idleOverrides(set: Loaded<'AlarmSet'>, stages: Inventory['stages']): readonly Problem[] {
  const { for_each: forEach, overrides = [] } = set.value.spec;
  const places = instancesOf(forEach, stages);
  return overrides.flatMap(({ match }, index) =>
    places.some(({ stage }) => selects(match, stage))
      ? []
      : [idleProblem(set, ['spec', 'overrides', index, 'match'], 'a stage that this set is for', match)],
  );
}

function idleExclusions(set: Loaded<'AlarmSet'>, stages: Inventory['stages']): readonly Problem[] {
  const { for_each: forEach } = set.value.spec;
  if (forEach.source === 'list') return [];
  return (forEach.exclude ?? []).flatMap((excluded, index) =>
    stages.some((stage) => selects(excluded, stage))
      ? []
      : [idleProblem(set, ['spec', 'for_each', 'exclude', index], 'a stage that exists', excluded)],
  );
}

function idleProblem(
  { document }: Loaded<'AlarmSet'>,
  path: readonly (string | number)[],
  expected: string,
  selector: Selector,
): Problem {
  return problemIn(document, path, {
    severity: 'warning',
    expected: `a selector that fits ${expected}`,
    got: `${JSON.stringify(selector)}, which fits none`,
    remedy: 'correct it, or remove it if that API is gone',
  });
}
