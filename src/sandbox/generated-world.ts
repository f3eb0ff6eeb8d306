import { CENTRAL_ACCOUNT, FLEET, IDENTITY_ACCOUNT } from './fleet.ts';
import { restApisOf, v2ApisOf } from './fleet-control-plane.ts';
import { type Incident, Incidents } from './incidents.ts';
import { createMetricBook } from './metric-points.ts';
import { createTraffic } from './traffic.ts';
import { LONGEST_LAG_MS } from './traffic-logs.ts';
import type { TruthRow, World, WorldAccount } from './world.ts';

export interface GeneratedWorldSettings {
  readonly seed: number;
  readonly historyFromMs: number;
  readonly historyToMs: number;
  /** Requests a second over the whole fleet, in the history and live. */
  readonly ratePerSecond: number;
  /** Leaves the history to `advanceTo(historyToMs)`; until then the fleet stands idle. Default false. */
  readonly withoutHistory?: boolean;
  /** Known from the start; more can be added while traffic is made. */
  readonly incidents?: readonly Incident[];
}

/** Where in the history one stage changed its access-log format. */
const FORMAT_CHANGE_SHARE = 0.45;

/** Makes the fleet and its history. The same settings give the same world, byte by byte. */
export function createGeneratedWorld(settings: GeneratedWorldSettings): World {
  const { historyFromMs, historyToMs } = settings;
  const metrics = createMetricBook(FLEET);
  const incidents = new Incidents();
  for (const incident of settings.incidents ?? []) incidents.add(incident);
  const traffic = createTraffic({
    seed: settings.seed,
    fromMs: historyFromMs,
    formatChangeMs: historyFromMs + (historyToMs - historyFromMs) * FORMAT_CHANGE_SHARE,
    ratePerSecond: settings.ratePerSecond,
    metrics,
    incidents,
  });
  if (settings.withoutHistory !== true) traffic.advanceTo(historyToMs);
  return {
    accounts: accountsOf(),
    restApis: restApisOf(),
    v2Apis: v2ApisOf(),
    logGroups: traffic.groups,
    series: metrics.series,
    longestLagMs: LONGEST_LAG_MS,
    historyFromMs,
    historyToMs,
    plantedSecrets: traffic.plantedSecrets,
    incidents,
    advanceTo: traffic.advanceTo,
    points: metrics.points,
    *truth(nowMs: number): Iterable<TruthRow> {
      yield* traffic.truth.rows(nowMs);
      yield* metrics.finalPoints(nowMs);
    },
  };
}

/** Every account with the Regions in which something of the fleet lives. */
function accountsOf(): readonly WorldAccount[] {
  return [CENTRAL_ACCOUNT, IDENTITY_ACCOUNT].map((accountId) => {
    const places = FLEET.flatMap((api) =>
      api.authorizer === undefined ? [api] : [api, api.authorizer.function],
    );
    const regions = places.filter((place) => place.account === accountId).map((place) => place.region);
    return { accountId, regions: [...new Set(regions)] };
  });
}
