import type { Inventory, StageInventory, UnreadPart } from '../model/inventory.ts';

/**
 * The inventory to go on with after a new listing. A stage leaves only when a whole listing no longer has it: whatever
 * `next` could not list is carried over from `previous`, and an API whose authorizers or routes were not listed keeps
 * those it had. A format that changed joins `earlierFormats`, because lines of the past still carry it.
 */
export function mergeInventory(previous: Inventory, next: Inventory): Inventory {
  const before = new Map(previous.stages.map((stage) => [keyOf(stage), stage]));
  const listed = next.stages.map((stage) => carryOver(stage, before.get(keyOf(stage)), next));
  const listedKeys = new Set(listed.map(keyOf));
  const kept = previous.stages.filter((stage) => !listedKeys.has(keyOf(stage)) && wasUnread(stage, next));
  return { ...next, stages: [...listed, ...kept] };
}

function keyOf(stage: StageInventory): string {
  return [stage.account, stage.region, stage.apiId, stage.stage].join('\n');
}

function unreadParts(stage: StageInventory, inventory: Inventory): UnreadPart[] {
  return inventory.problems.flatMap((problem) => {
    const { account, region, unread } = problem;
    if (unread === undefined || account !== stage.account || region !== stage.region) return [];
    const concerns =
      unread.part === 'apis' ? unread.protocols.includes(stage.protocol) : unread.apiId === stage.apiId;
    return concerns ? [unread] : [];
  });
}

/** True when the stage may still exist although `inventory` does not show it. */
function wasUnread(stage: StageInventory, inventory: Inventory): boolean {
  return unreadParts(stage, inventory).some((unread) => unread.part === 'apis' || unread.part === 'stages');
}

function carryOver(
  stage: StageInventory,
  before: StageInventory | undefined,
  next: Inventory,
): StageInventory {
  if (!before) return stage;
  const unread = new Set(unreadParts(stage, next).map(({ part }) => part));
  return {
    ...(unread.has('routes') ? withRoutesOf(stage, before) : stage),
    ...(unread.has('authorizers') ? { authorizers: { ...before.authorizers, ...stage.authorizers } } : {}),
    earlierFormats: formatsOf(stage, before),
  };
}

function withRoutesOf(stage: StageInventory, before: StageInventory): StageInventory {
  const { defaultAuthorizer: _, ...rest } = stage;
  const { defaultAuthorizer, routes } = before;
  return {
    ...rest,
    routes: { ...routes, ...stage.routes },
    ...(defaultAuthorizer === undefined ? {} : { defaultAuthorizer }),
  };
}

function formatsOf(stage: StageInventory, before: StageInventory): readonly string[] {
  const formats = new Set([...stage.earlierFormats, ...before.earlierFormats]);
  if (before.accessLogFormat !== undefined) formats.add(before.accessLogFormat);
  if (stage.accessLogFormat !== undefined) formats.delete(stage.accessLogFormat);
  return [...formats];
}
