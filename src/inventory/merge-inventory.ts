import {
  type AuthorizerRef,
  type Inventory,
  type StageInventory,
  stageKey,
  type UnreadPart,
} from '../model/inventory.ts';

/**
 * The inventory to go on with after a new listing. Whatever `next` could not list is carried over from `previous`, and an
 * API whose authorizers or routes were not listed keeps those it had. A format that changed joins `earlierFormats`,
 * because lines of the past still carry it. What whole listings no longer have stays for `keepGoneMs`, marked as gone: its
 * last lines can be read only after it was deleted, and an answer that left it out by mistake costs nothing. A stage that
 * the settings leave out leaves at once.
 */
export function mergeInventory(previous: Inventory, next: Inventory, keepGoneMs: number): Inventory {
  const before = new Map(previous.stages.map((stage) => [stageKey(stage), stage]));
  const listed = next.stages.map((stage) => carryOver(stage, before.get(stageKey(stage)), next, keepGoneMs));
  const decided = new Set([...listed.map(stageKey), ...(next.leftOut ?? [])]);
  const kept = previous.stages
    .filter((stage) => !decided.has(stageKey(stage)))
    .flatMap((stage) => (wasUnread(stage, next) ? [stage] : stillGone(stage, next.readMs, keepGoneMs)));
  return { ...next, stages: [...listed, ...kept] };
}

/** Without what is only read for its last lines. */
export function withoutGone(inventory: Inventory): Inventory {
  const stages = inventory.stages.filter(({ goneSinceMs }) => goneSinceMs === undefined);
  return { ...inventory, stages };
}

/** Marked with since when it is gone; nothing once that is long ago. */
function stillGone<T extends { readonly goneSinceMs?: number }>(
  one: T,
  nowMs: number,
  keepGoneMs: number,
): T[] {
  const { goneSinceMs = nowMs } = one;
  return nowMs - goneSinceMs < keepGoneMs ? [{ ...one, goneSinceMs }] : [];
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
  keepGoneMs: number,
): StageInventory {
  if (!before) return stage;
  const unread = new Set(unreadParts(stage, next).map(({ part }) => part));
  return {
    ...(unread.has('routes') ? withRoutesOf(stage, before) : stage),
    ...classOf(stage, before),
    authorizers: unread.has('authorizers')
      ? { ...before.authorizers, ...stage.authorizers }
      : { ...goneAuthorizers(before, next.readMs, keepGoneMs), ...stage.authorizers },
    earlierFormats: formatsOf(stage, before),
  };
}

/** A class is fixed when its group is made: what was told of it before holds for as long as nobody can be asked. */
function classOf(stage: StageInventory, before: StageInventory): Pick<StageInventory, 'accessLogClass'> {
  const accessLogClass = stage.accessLogClass ?? before.accessLogClass;
  const isSame = stage.accessLogGroup?.logGroup === before.accessLogGroup?.logGroup;
  return accessLogClass === undefined || !isSame ? {} : { accessLogClass };
}

function goneAuthorizers(
  { authorizers }: StageInventory,
  nowMs: number,
  keepGoneMs: number,
): Readonly<Record<string, AuthorizerRef>> {
  return Object.fromEntries(
    Object.values(authorizers)
      .flatMap((one) => stillGone(one, nowMs, keepGoneMs))
      .map((one) => [one.authorizerId, one]),
  );
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
