import { didYouMean } from '../documents/did-you-mean.ts';
import { matchesGlob } from '../inventory/glob.ts';
import { integrationTimeoutMs } from '../inventory/integration-timeouts.ts';
import type { StageInventory } from '../model/inventory.ts';
import type { ForEach, ListItem, Selector } from './format/kinds.ts';
import type { FieldValues } from './format/layers.ts';

/** What one instance of a set is about: a stage, or one of its routes. */
export interface Each {
  /** `orders/prod`, `orders/prod GET /orders`: part of the id of its alarms. */
  readonly key: string;
  readonly stage: StageInventory;
  readonly route?: string;
  /** Variables of an item of a list. */
  readonly vars?: FieldValues;
}

const OPT_OUT = 'gatewatch/ignore';

/**
 * Stages or routes that a set is for. Whoever tags an API `gatewatch/ignore` is left out everywhere. Routes are listed
 * whether or not their stage publishes metrics of them: what cannot be watched is refused where it is asked for.
 */
export function instancesOf(forEach: ForEach, stages: readonly StageInventory[]): readonly Each[] {
  const watched = stages.filter((stage) => stage.tags[OPT_OUT] === undefined);
  if (forEach.source === 'list') {
    const all = withKeys(watched);
    return forEach.values.flatMap((item) => placesOf(item, all));
  }
  const { match, exclude = [], source } = forEach;
  const chosen = watched.filter(
    (stage) =>
      (match === undefined || selects(match, stage)) && !exclude.some((excluded) => selects(excluded, stage)),
  );
  const places = withKeys(chosen);
  return source === 'routes' ? places.flatMap(routesOf) : places;
}

/** Two APIs may share a name: then the id tells them apart. */
function withKeys(stages: readonly StageInventory[]): readonly Each[] {
  const names = stages.map(placeName);
  const count = Map.groupBy(names, (name) => name);
  return stages.map((stage, index) => {
    const name = names[index] ?? '';
    return { key: (count.get(name)?.length ?? 0) > 1 ? `${name}@${stage.apiId}` : name, stage };
  });
}

function placeName({ apiName, stage }: StageInventory): string {
  return `${apiName}/${stage}`;
}

function routesOf({ key, stage }: Each): readonly Each[] {
  return Object.keys(stage.routes).map((route) => ({ key: `${key} ${route}`, stage, route }));
}

/** Every stage or route that an item of a list names: one name may stand in several accounts and Regions. */
function placesOf(item: ListItem, all: readonly Each[]): readonly Each[] {
  if (typeof item === 'string') {
    return all.flatMap((place) => [place, ...routesOf(place)]).filter((place) => isNamed(item, place));
  }
  const { api, stage, route, account, region, vars } = item;
  const stages = all.filter(
    (place) =>
      (place.stage.apiName === api || place.stage.apiId === api) &&
      place.stage.stage === stage &&
      (account === undefined || place.stage.account === account) &&
      (region === undefined || place.stage.region === region),
  );
  const places =
    route === undefined ? stages : stages.flatMap(routesOf).filter((place) => place.route === route);
  return places.map((place) => ({ ...place, ...(vars === undefined ? {} : { vars }) }));
}

function isNamed(text: string, { key, stage, route }: Each): boolean {
  return text === key || text === `${placeName(stage)}${route === undefined ? '' : ` ${route}`}`;
}

/** An item of a list that names nothing, and what it may have meant. */
export interface UnknownPlace {
  readonly index: number;
  readonly got: string;
  readonly near: string | undefined;
}

/** Items of a list that name no stage or route that was discovered: a typo, or an API that is gone. */
export function unknownPlaces(forEach: ForEach, stages: readonly StageInventory[]): readonly UnknownPlace[] {
  if (forEach.source !== 'list') return [];
  const all = withKeys(stages);
  const known = all.flatMap((place) => [place.key, ...routesOf(place).map(({ key }) => key)]);
  return forEach.values.flatMap((item, index) => {
    if (placesOf(item, all).length > 0) return [];
    const got = typeof item === 'string' ? item : itemText(item);
    return [{ index, got, near: didYouMean(got, known) }];
  });
}

function itemText({ api, stage, route }: Exclude<ListItem, string>): string {
  return `${api}/${stage}${route === undefined ? '' : ` ${route}`}`;
}

export function selects(selector: Selector, stage: StageInventory): boolean {
  const { protocol, name, id, stage: stageName, region, account, tags } = selector;
  return (
    (protocol === undefined || protocol.includes(stage.protocol)) &&
    (name === undefined || matchesGlob(name, stage.apiName)) &&
    (id === undefined || id === stage.apiId) &&
    (stageName === undefined || matchesGlob(stageName, stage.stage)) &&
    (region === undefined || region === stage.region) &&
    (account === undefined || account === stage.account) &&
    Object.entries(tags ?? {}).every(([tag, value]) => stage.tags[tag] === value)
  );
}

/** `each` in expressions. */
export function eachValues({ key, stage, route }: Each): FieldValues {
  return {
    key,
    api: { name: stage.apiName, id: stage.apiId, protocol: stage.protocol, tags: { ...stage.tags } },
    stage: stage.stage,
    account: stage.account,
    region: stage.region,
    tags: { ...stage.tags },
    route: route ?? null,
    authorizers: Object.values(stage.authorizers).map(({ name }) => name),
    access_log: stage.accessLogGroup?.logGroup ?? null,
    integration_timeout_ms: integrationTimeoutMs(stage, route) ?? null,
  };
}
