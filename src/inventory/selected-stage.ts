import { matchesGlob } from './glob.ts';
import type { InventorySettings, StageRule } from './inventory-settings.ts';

export interface StageFacts {
  readonly apiName: string;
  readonly stage: string;
  /** Tags of the API overlaid with those of the stage. */
  readonly tags: Readonly<Record<string, string>>;
}

/** Whether a stage is watched: included by some rule (or there are none) and excluded by none. */
export function isSelected(
  facts: StageFacts,
  settings: Pick<InventorySettings, 'include' | 'exclude'>,
): boolean {
  const included = settings.include.length === 0 || settings.include.some((rule) => matchesRule(rule, facts));
  return included && !settings.exclude.some((rule) => matchesRule(rule, facts));
}

/** Whether any stage of an API could be watched, before its stages are known: saves listing those that cannot be. */
export function mayBeSelected(
  apiName: string,
  settings: Pick<InventorySettings, 'include' | 'exclude'>,
): boolean {
  const { include, exclude } = settings;
  const mayBeIncluded =
    include.length === 0 ||
    include.some((rule) => rule.name === undefined || matchesGlob(rule.name, apiName));
  const surelyExcluded = exclude.some(
    (rule) =>
      rule.name !== undefined &&
      rule.stage === undefined &&
      rule.tags === undefined &&
      matchesGlob(rule.name, apiName),
  );
  return mayBeIncluded && !surelyExcluded;
}

function matchesRule(rule: StageRule, facts: StageFacts): boolean {
  if (rule.name !== undefined && !matchesGlob(rule.name, facts.apiName)) return false;
  if (rule.stage !== undefined && !matchesGlob(rule.stage, facts.stage)) return false;
  return Object.entries(rule.tags ?? {}).every(([key, pattern]) => {
    const value = facts.tags[key];
    return value !== undefined && matchesGlob(pattern, value);
  });
}
