import type { ObservedResource } from '../model/managed-resource.ts';

/** Tags on every alarm Gatewatch makes. A live alarm without our workspace is never changed or deleted. */
export const OWNER_TAGS = {
  managedBy: 'gatewatch:managed-by',
  workspace: 'gatewatch:workspace',
  id: 'gatewatch:id',
  /** `specHash` of what was last applied: tells a change by hand from a change of the files. */
  spec: 'gatewatch:spec',
  /** Remembers `prevent_destroy` after the file that said so is gone. */
  protected: 'gatewatch:prevent-destroy',
} as const;

export const MANAGER = 'gatewatch';

export type Ownership =
  | { readonly kind: 'ours'; readonly id: string; readonly spec: string | undefined }
  | { readonly kind: 'foreign'; readonly why: string };

/**
 * Whose resource this is. A metric filter cannot carry tags, and those of a mute rule cannot be read back: their names
 * tell, which begin with `gatewatch/<workspace>/` and `gatewatch_<workspace>_`, and go on with the id.
 */
export function ownershipOf(resource: ObservedResource, workspace: string): Ownership {
  const { type, name } = resource.key;
  if (type === 'metric_filter') return nameOwnership(name, filterNamePrefix(workspace));
  if (type === 'mute_rule') return nameOwnership(name, muteNamePrefix(workspace));
  return tagOwnership(resource.tags ?? {}, workspace);
}

export function filterNamePrefix(workspace: string): string {
  return `${MANAGER}/${workspace}/`;
}

/** Which characters CloudWatch takes in this name is not published; neither workspace nor id has an underscore. */
export function muteNamePrefix(workspace: string): string {
  return `${MANAGER}_${workspace}_`;
}

function nameOwnership(name: string, prefix: string): Ownership {
  return name.startsWith(prefix)
    ? { kind: 'ours', id: name.slice(prefix.length), spec: undefined }
    : { kind: 'foreign', why: `its name does not begin with ${prefix}` };
}

function tagOwnership(tags: Readonly<Record<string, string>>, workspace: string): Ownership {
  const owner = tags[OWNER_TAGS.workspace];
  const id = tags[OWNER_TAGS.id];
  if (owner === workspace && tags[OWNER_TAGS.managedBy] === MANAGER && id !== undefined) {
    return { kind: 'ours', id, spec: tags[OWNER_TAGS.spec] };
  }
  return { kind: 'foreign', why: foreignWords(owner, tags) };
}

/** Other tools leave their name in tags; it is what the reader needs to find the owner. */
const OTHER_OWNERS = [
  'aws:cloudformation:stack-name',
  'terraform',
  'pulumi:project',
  'managed-by',
  'ManagedBy',
];

function foreignWords(owner: string | undefined, tags: Readonly<Record<string, string>>): string {
  if (owner !== undefined) return `it belongs to workspace ${owner}`;
  const known = OTHER_OWNERS.find((name) => tags[name] !== undefined);
  return known === undefined ? 'it has no tag of this workspace' : `tags: ${known}=${tags[known]}`;
}
