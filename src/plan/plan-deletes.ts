import type { ObservedResource } from '../model/managed-resource.ts';
import { OWNER_TAGS, ownershipOf } from './ownership.ts';

export type Deletion =
  | {
      readonly verb: 'delete';
      readonly id: string;
      readonly observed: ObservedResource;
      /** Before anything is made: its log group has no room otherwise. */
      readonly first?: true;
    }
  | {
      readonly verb: 'withheld';
      readonly id: string;
      readonly observed: ObservedResource;
      readonly why: string;
    };

export interface DeleteInput {
  readonly workspace: string;
  readonly observed: readonly ObservedResource[];
  /** Kept: something desired stands there, or was renamed from there. */
  readonly taken: ReadonlySet<ObservedResource>;
  /** In conflict: nothing will be done to them, so what they read must stay. */
  readonly conflicting: readonly ObservedResource[];
  /** `account/region` → why it was not listed whole. */
  readonly partial: ReadonlyMap<string, string>;
}

/**
 * What is ours and no longer asked for. Withheld where discovery was partial, where `prevent_destroy` was applied, and
 * where a composite that stays still reads the alarm: CloudWatch would refuse.
 */
export function planDeletes(input: DeleteInput): readonly Deletion[] {
  const candidates = candidatesOf(input);
  const foreign = input.observed.filter(
    (resource) => ownershipOf(resource, input.workspace).kind === 'foreign',
  );
  const staying = [...foreign, ...input.conflicting];
  const reasons = new Map<ObservedResource, string>();
  const withhold = (observed: ObservedResource, why: string): void => {
    reasons.set(observed, why);
    staying.push(observed);
  };
  for (const { observed } of candidates) {
    const why = whyKept(observed, input);
    if (why !== undefined) withhold(observed, why);
  }
  for (let before = -1; before !== reasons.size; ) {
    before = reasons.size;
    for (const { observed } of candidates) {
      const [parent] = reasons.has(observed) ? [] : readersOf(observed, staying);
      if (parent !== undefined) withhold(observed, `${parent.key.name} reads it and stays`);
    }
  }
  return candidates.map(({ id, observed }): Deletion => {
    const why = reasons.get(observed);
    return why === undefined ? { verb: 'delete', id, observed } : { verb: 'withheld', id, observed, why };
  });
}

function candidatesOf(
  input: DeleteInput,
): readonly { readonly id: string; readonly observed: ObservedResource }[] {
  return input.observed.flatMap((observed) => {
    const ownership = ownershipOf(observed, input.workspace);
    return ownership.kind === 'ours' && !input.taken.has(observed) ? [{ id: ownership.id, observed }] : [];
  });
}

function whyKept(observed: ObservedResource, input: DeleteInput): string | undefined {
  if (observed.tags?.[OWNER_TAGS.protected] === 'true') {
    return 'it was applied with lifecycle.prevent_destroy';
  }
  const partial = input.partial.get(`${observed.key.account}/${observed.key.region}`);
  return partial === undefined ? undefined : `discovery there was partial: ${partial}`;
}

/** The composites among these that read the alarm; alarms are read within one account and Region. */
export function readersOf(
  child: ObservedResource,
  among: readonly ObservedResource[],
): readonly ObservedResource[] {
  return among.filter(
    ({ key, children }) =>
      key.account === child.key.account &&
      key.region === child.key.region &&
      children.includes(child.key.name),
  );
}
