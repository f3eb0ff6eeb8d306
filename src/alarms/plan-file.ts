import { z } from 'zod';
import { messageOf, UserError } from '../core/errors.ts';
import type { ObservedResource } from '../model/managed-resource.ts';
import { resourceKeyText } from '../model/managed-resource.ts';
import { fingerprintOf } from '../plan/compare.ts';
import type { Change } from '../plan/plan-changes.ts';

const texts = z.record(z.string(), z.string());
const key = z.strictObject({
  type: z.enum(['metric_filter', 'metric_alarm', 'composite_alarm', 'mute_rule']),
  account: z.string(),
  region: z.string(),
  name: z.string(),
  logGroup: z.string().exactOptional(),
});
const properties = z.record(z.string(), z.json());
const observed = z.strictObject({
  key,
  properties,
  tags: texts.exactOptional(),
  state: z.string().exactOptional(),
  updatedMs: z.number().exactOptional(),
  children: z.array(z.string()),
});
const desired = z.strictObject({
  id: z.string(),
  key,
  properties,
  tags: texts,
  origins: z.record(z.string(), z.strictObject({ file: z.string(), line: z.number() })),
  children: z.array(z.string()),
  lifecycle: z.strictObject({
    preventDestroy: z.boolean(),
    ignoreChanges: z.array(z.string()),
    adopt: z.enum(['never', 'if-identical', 'always']),
  }),
});
const wanted = { desired, properties, tags: texts };
const fields = z.array(
  z
    .strictObject({ property: z.string(), before: z.json().optional(), after: z.json().optional() })
    .transform(({ property, before, after }) => ({ property, before, after })),
);
const first = z.literal(true).exactOptional();
const change = z.discriminatedUnion('verb', [
  z.strictObject({ verb: z.literal('create'), ...wanted }),
  z.strictObject({
    verb: z.enum(['update', 'adopt']),
    observed,
    fields,
    tagChanges: z.strictObject({ set: texts, removed: z.array(z.string()) }),
    ...wanted,
  }),
  z.strictObject({
    verb: z.literal('replace'),
    observed,
    why: z.enum(['renamed', 'type']),
    readers: z.array(observed),
    first,
    ...wanted,
  }),
  z.strictObject({ verb: z.literal('conflict'), desired, observed, why: z.string() }),
  z.strictObject({ verb: z.literal('delete'), id: z.string(), observed, first }),
  z.strictObject({ verb: z.literal('withheld'), id: z.string(), observed, why: z.string() }),
]);

const planFile = z.strictObject({
  version: z.literal(1),
  workspace: z.string(),
  createdMs: z.number(),
  changes: z.array(change),
  /** Resource → what it looked like, `absent` included. */
  seen: texts,
});

export interface SavedPlan {
  readonly workspace: string;
  readonly createdMs: number;
  readonly changes: readonly Change[];
  readonly seen: Readonly<Record<string, string>>;
}

/** A plan as a file: exactly these changes, and what everything they touch looked like. */
export function writePlan(plan: {
  readonly workspace: string;
  readonly createdMs: number;
  readonly changes: readonly Change[];
  readonly observed: readonly ObservedResource[];
}): string {
  const seen = fingerprints(plan.changes, plan.observed);
  const { workspace, createdMs, changes } = plan;
  return `${JSON.stringify({ version: 1, workspace, createdMs, changes, seen }, null, 1)}\n`;
}

/** @throws {UserError} `plan_file` for a file that is no saved plan. */
export function readPlan(path: string, text: string): SavedPlan {
  try {
    return planFile.parse(JSON.parse(text));
  } catch (error) {
    throw new UserError(
      'plan_file',
      `Expected ${path} to be a plan saved by \`gatewatch alarms plan -o\`, got: ${messageOf(error).split('\n')[0]}`,
      { cause: error },
    );
  }
}

/**
 * Changes of a saved plan that are still to be made. One whose resource has changed since the plan refuses the whole; one
 * that looks as the plan wants it was made already, by an apply that was interrupted.
 *
 * @throws {UserError} `plan_stale`
 */
export function remainingChanges(
  plan: SavedPlan,
  now: readonly ObservedResource[],
  fresh: readonly Change[],
): readonly Change[] {
  const current = fingerprints(plan.changes, now);
  const unfinished = new Set(fresh.map(changeKey));
  const stale: string[] = [];
  const remaining = plan.changes.filter((planned) => {
    if (planned.verb === 'conflict' || planned.verb === 'withheld') return false;
    const name = changeKey(planned);
    if (!unfinished.has(name)) return false;
    if (current[name] !== plan.seen[name]) stale.push(name);
    return true;
  });
  if (stale.length === 0) return remaining;
  throw new UserError(
    'plan_stale',
    `Expected AWS to look as it did when the plan was made (${new Date(plan.createdMs).toISOString()}), got a change since ` +
      `in ${stale.slice(0, 5).join(', ')}${stale.length > 5 ? ` and ${stale.length - 5} more` : ''}: nothing was applied; plan again`,
  );
}

function changeKey(planned: Change): string {
  return resourceKeyText('desired' in planned ? planned.desired.key : planned.observed.key);
}

function fingerprints(
  changes: readonly Change[],
  observedNow: readonly ObservedResource[],
): Readonly<Record<string, string>> {
  const byKey = new Map(observedNow.map((resource) => [resourceKeyText(resource.key), resource]));
  return Object.fromEntries(
    changes.map((planned) => [changeKey(planned), fingerprintOf(byKey.get(changeKey(planned)))]),
  );
}
