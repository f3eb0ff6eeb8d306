import type { AlarmPlan } from '../../alarms/plan-alarms.ts';
import type { AlarmClients } from '../../aws/alarm-clients.ts';
import { HeldError, IncompleteReadError } from '../../core/errors.ts';
import type { JsonValue, ObservedResource, ResourceKey } from '../../model/managed-resource.ts';
import { type FieldChange, specHash } from '../../plan/compare.ts';
import { OWNER_TAGS, ownershipOf } from '../../plan/ownership.ts';
import type { Change } from '../../plan/plan-changes.ts';

/** A resource of ours that is not as it was applied. */
export interface Drift {
  readonly id: string;
  readonly name: string;
  readonly account: string;
  readonly region: string;
  /**
   * `changed` by hand, as the tag on the alarm proves. `gone`: asked for, and not there; deleted by hand, or never applied.
   * `differs`: a metric filter or a mute rule, of which nothing tells whether it was changed or the files were.
   */
  readonly kind: 'changed' | 'gone' | 'differs';
  /** Against the files, where the resource is still asked for. */
  readonly fields: readonly {
    readonly property: string;
    readonly live?: JsonValue;
    readonly file?: JsonValue;
  }[];
  /** When it was deleted, if the history of alarms still knows. */
  readonly deletedMs?: number;
}

/** History is asked for this many missing alarms; one call each. */
const ASKED = 20;
/** CloudWatch keeps history for 14 to 30 days, deleted alarms included; its pages say two numbers. */
const HISTORY_MS = 30 * 86_400_000;

/** Drift, with the time of deletion where AWS knows it. */
export async function findDrift(
  plan: AlarmPlan,
  { clients, nowMs, signal }: { clients: AlarmClients; nowMs: number; signal: AbortSignal },
): Promise<readonly Drift[]> {
  const drift = driftOf(plan);
  const askable = new Set(drift.filter(({ kind }) => kind === 'gone').slice(0, ASKED));
  const told: Drift[] = [];
  for (const one of drift) {
    const deletedMs = askable.has(one) ? await deletionOf(one, clients, nowMs, signal) : undefined;
    told.push(deletedMs === undefined ? one : { ...one, deletedMs });
  }
  return told;
}

/** A courtesy: without the permission for it, drift is told all the same. */
async function deletionOf(
  { name, account, region }: Drift,
  clients: AlarmClients,
  nowMs: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const span = { fromMs: nowMs - HISTORY_MS, toMs: nowMs + 1 };
  let deletedMs: number | undefined;
  try {
    const question = { account, region, signal, name, type: 'ConfigurationUpdate', ...span } as const;
    for await (const page of clients.alarmHistory(question)) {
      for (const { summary, atMs } of page) if (/\bdeleted\b/i.test(summary)) deletedMs = atMs;
    }
    return deletedMs;
  } catch (error) {
    if (error instanceof IncompleteReadError || error instanceof HeldError) return undefined;
    throw error;
  }
}

/**
 * Live against last applied: the hash in the `gatewatch:spec` tag is of what was applied, so a change of the files alone
 * is no drift. What does not exist carries no tag: of that, the files are all there is to compare with.
 */
export function driftOf(plan: AlarmPlan): readonly Drift[] {
  return [...changedAlarms(plan), ...plan.changes.flatMap(missingOrDifferent)];
}

function changedAlarms(plan: AlarmPlan): readonly Drift[] {
  const { workspace } = plan.expansion;
  return plan.observed.flatMap((resource): Drift[] => {
    const ownership = ownershipOf(resource, workspace);
    if (ownership.kind !== 'ours' || ownership.spec === undefined) return [];
    if (specHash(resource.key.type, asApplied(plan, ownership.id, resource)) === ownership.spec) return [];
    const change = plan.changes.find((one) => one.verb === 'update' && one.observed === resource);
    return [driftFrom('changed', ownership.id, resource.key, change?.verb === 'update' ? change.fields : [])];
  });
}

/** What is ignored was hashed as the files ask for it, so it counts as they ask for it. */
function asApplied(plan: AlarmPlan, id: string, resource: ObservedResource) {
  const desired = plan.expansion.resources.find((one) => one.id === id && one.key.name === resource.key.name);
  const ignored = desired?.lifecycle.ignoreChanges ?? [];
  const kept = Object.entries(resource.properties).filter(([name]) => !ignored.includes(name));
  const asked = Object.entries(desired?.properties ?? {}).filter(([name]) => ignored.includes(name));
  return Object.fromEntries([...kept, ...asked]);
}

function missingOrDifferent(change: Change): readonly Drift[] {
  if (change.verb === 'create') return [driftFrom('gone', change.desired.id, change.desired.key, [])];
  if (change.verb !== 'update' || change.desired.key.type.endsWith('_alarm')) return [];
  return [driftFrom('differs', change.desired.id, change.desired.key, change.fields)];
}

function driftFrom(
  kind: Drift['kind'],
  id: string,
  { name, account, region }: ResourceKey,
  fields: readonly FieldChange[],
): Drift {
  return {
    id,
    name,
    account,
    region,
    kind,
    fields: fields.map(({ property, before, after }) => ({
      property,
      ...(before === undefined ? {} : { live: before }),
      ...(after === undefined ? {} : { file: after }),
    })),
  };
}

/** `partial`: `account/region` → why it was not compared whole. */
export function driftText(drift: readonly Drift[], partial: AlarmPlan['partial'] = new Map()): string {
  const holes = [...partial].map(([scope, reason]) => `not compared whole in ${scope}: ${reason}`);
  if (drift.length === 0 && holes.length > 0)
    return `${holes.join('\n')}\nNo drift in what could be read; the rest is unknown.\n`;
  if (drift.length === 0) return 'No drift: everything looks as it was applied.\n';
  const lines = drift.flatMap((one) => [
    `${one.id}: ${one.name} in ${one.account}, ${one.region} ${kindWords(one)}`,
    ...one.fields.map(
      ({ property, live, file }) =>
        `    ${property.padEnd(20)} ${JSON.stringify(live ?? null)} in AWS, ${JSON.stringify(file ?? null)} in the files`,
    ),
  ]);
  return `${[...holes, ...lines].join('\n')}\nRun \`gatewatch alarms apply\` to set it back, or change the files (tag ${OWNER_TAGS.spec} holds what was applied).\n`;
}

function kindWords({ kind, deletedMs }: Drift): string {
  switch (kind) {
    case 'changed':
      return 'was changed by hand';
    case 'differs':
      return 'differs: changed by hand, or by the files since the last apply';
    case 'gone':
      return deletedMs === undefined
        ? 'is missing in AWS: deleted by hand, or never applied'
        : `is missing in AWS: deleted ${new Date(deletedMs).toISOString()}`;
  }
}
