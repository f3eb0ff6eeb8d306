import { matchesGlob } from '../inventory/glob.ts';
import type { StageInventory } from '../model/inventory.ts';
import type { ForEach, Selector } from './format/kinds.ts';
import type { FieldValues } from './format/layers.ts';

/** What one instance of a set is about: a stage, or one of its routes. */
export interface Each {
  /** `orders/prod`, `orders/prod GET /orders`: part of the id of its alarms. */
  readonly key: string;
  readonly stage: StageInventory;
  readonly route?: string;
}

const OPT_OUT = 'gatewatch/ignore';

/** Stages or routes that a set is for. Whoever tags an API `gatewatch/ignore` is left out everywhere. */
export function instancesOf(forEach: ForEach, stages: readonly StageInventory[]): readonly Each[] {
  const chosen = stages.filter(
    (stage) =>
      stage.tags[OPT_OUT] === undefined &&
      (forEach.match === undefined || selects(forEach.match, stage)) &&
      !(forEach.exclude ?? []).some((excluded) => selects(excluded, stage)),
  );
  const keys = chosen.map((stage) => `${stage.apiName}/${stage.stage}`);
  return chosen.flatMap((stage, index) => {
    const key = keys[index] ?? '';
    // Two APIs may share a name: then the id tells them apart.
    const unique = keys.filter((other) => other === key).length > 1 ? `${key}@${stage.apiId}` : key;
    if (forEach.source !== 'routes') return [{ key: unique, stage }];
    if (!stage.detailedMetrics) return [];
    return Object.keys(stage.routes).map((route) => ({ key: `${unique} ${route}`, stage, route }));
  });
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

/** Default limits of API Gateway's integrations, milliseconds. A raised limit is not listed: set the threshold yourself. */
const INTEGRATION_TIMEOUT_MS = { REST: 29_000, HTTP: 30_000, WEBSOCKET: 29_000 } as const;

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
    integration_timeout_ms: INTEGRATION_TIMEOUT_MS[stage.protocol],
  };
}
