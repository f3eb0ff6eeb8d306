import type { AlarmPlan } from '../../alarms/plan-alarms.ts';
import type { JsonValue } from '../../model/managed-resource.ts';
import { specHash } from '../../plan/compare.ts';
import { OWNER_TAGS, ownershipOf } from '../../plan/ownership.ts';

/** An alarm of ours that no longer looks as it was applied. */
export interface Drift {
  readonly id: string;
  readonly name: string;
  readonly account: string;
  readonly region: string;
  /** `changed` by hand; `gone`: applied once, asked for still, and not there. */
  readonly kind: 'changed' | 'gone';
  /** Against the files, where the alarm is still asked for. */
  readonly fields: readonly {
    readonly property: string;
    readonly live?: JsonValue;
    readonly file?: JsonValue;
  }[];
}

/**
 * Live against last applied: the hash in the `gatewatch:spec` tag is of what was applied, so a change of the files alone
 * is no drift.
 */
export function driftOf(plan: AlarmPlan): readonly Drift[] {
  const { workspace } = plan.expansion;
  return plan.observed.flatMap((resource): Drift[] => {
    const ownership = ownershipOf(resource, workspace);
    if (ownership.kind !== 'ours' || ownership.spec === undefined) return [];
    const desired = plan.expansion.resources.find(
      ({ id, key }) => id === ownership.id && key.name === resource.key.name,
    );
    const ignored = desired?.lifecycle.ignoreChanges ?? [];
    const kept = Object.entries(resource.properties).filter(([name]) => !ignored.includes(name));
    const asApplied = { ...Object.fromEntries(kept), ...ignoredOf(desired?.properties ?? {}, ignored) };
    if (specHash(resource.key.type, asApplied) === ownership.spec) return [];
    const change = plan.changes.find((one) => one.verb === 'update' && one.observed === resource);
    const fields = change?.verb === 'update' ? change.fields : [];
    return [
      {
        id: ownership.id,
        name: resource.key.name,
        account: resource.key.account,
        region: resource.key.region,
        kind: 'changed',
        fields: fields.map(({ property, before, after }) => ({
          property,
          ...(before === undefined ? {} : { live: before }),
          ...(after === undefined ? {} : { file: after }),
        })),
      },
    ];
  });
}

function ignoredOf(properties: Readonly<Record<string, JsonValue>>, ignored: readonly string[]) {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => ignored.includes(name)));
}

export function driftText(drift: readonly Drift[]): string {
  if (drift.length === 0) return 'No drift: every alarm looks as it was applied.\n';
  const lines = drift.flatMap(({ id, name, account, region, fields }) => [
    `${id}: ${name} in ${account}, ${region} was changed by hand`,
    ...fields.map(
      ({ property, live, file }) =>
        `    ${property.padEnd(20)} ${JSON.stringify(live ?? null)} in AWS, ${JSON.stringify(file ?? null)} in the files`,
    ),
  ]);
  return `${lines.join('\n')}\nRun \`gatewatch alarms apply\` to set it back, or change the files (tag ${OWNER_TAGS.spec} holds what was applied).\n`;
}
