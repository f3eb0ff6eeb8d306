import { FLEET } from './fleet.ts';
import type { FleetApi, FleetFunction } from './fleet-model.ts';
import type { Incidents } from './incidents.ts';
import type { MetricBook } from './metric-points.ts';
import { createRandom, type Random } from './random.ts';
import { createAgenda } from './traffic-agenda.ts';
import { createAuthorizerDesk } from './traffic-authorizer.ts';
import { createTruthBook, type TruthBook } from './traffic-book.ts';
import { createHostileTexts } from './traffic-hostile.ts';
import { createFunctionRuntime, type FunctionRuntime } from './traffic-lambda.ts';
import { createEventIds, createLogGroupWriter, type LogGroupWriter } from './traffic-logs.ts';
import { createPeople } from './traffic-people.ts';
import { createScene, type Scene } from './traffic-scenarios.ts';
import type { Site } from './traffic-site.ts';
import { createStagecraft } from './traffic-stagecraft.ts';
import { REQUESTS_PER_CONNECTION } from './traffic-web-socket.ts';

export interface TrafficSettings {
  readonly seed: number;
  readonly fromMs: number;
  readonly formatChangeMs: number;
  /** Requests a second over the whole fleet, messages of connections included. */
  readonly ratePerSecond: number;
  readonly metrics: MetricBook;
  readonly incidents: Incidents;
}

/** The fleet under load. Everything that happens follows from the settings, in whatever steps time is advanced. */
export interface Traffic {
  readonly groups: readonly LogGroupWriter[];
  readonly plantedSecrets: readonly string[];
  readonly truth: TruthBook;
  advanceTo(nowMs: number): void;
}

export function createTraffic(settings: TrafficSettings): Traffic {
  const random = createRandom(settings.seed, 'traffic');
  const hostile = createHostileTexts(createRandom(settings.seed, 'hostile'));
  const truth = createTruthBook();
  const agenda = createAgenda();
  const yard = createYard(settings.seed, truth);
  const { formatChangeMs, metrics, incidents } = settings;
  const craft = createStagecraft(
    {
      random,
      people: createPeople(createRandom(settings.seed, 'people')),
      agenda,
      ledger: { truth, metrics, formatChangeMs },
      incidents,
    },
    hostile,
  );
  const scenes = yard.sites.map(({ site, weight }) => ({ scene: createScene(site, craft), weight }));
  const arrivals = createArrivals(scenes, settings, random);
  const advanceTo = (nowMs: number) => {
    for (;;) {
      const isArrival = arrivals.nextMs() <= agenda.nextMs();
      if (Math.min(arrivals.nextMs(), agenda.nextMs()) > nowMs) break;
      if (isArrival) arrivals.runNext();
      else agenda.runNext();
    }
    for (const group of yard.groups) group.settle();
  };
  return { groups: yard.groups, plantedSecrets: hostile.secrets, truth, advanceTo };
}

interface Yard {
  readonly groups: readonly LogGroupWriter[];
  readonly sites: readonly { readonly site: Site; readonly weight: number }[];
}

/** Log groups, functions and stages of the fleet. A function that serves two stages is one function. */
function createYard(seed: number, truth: TruthBook): Yard {
  const random = createRandom(seed, 'logs');
  const ids = createEventIds(createRandom(seed, 'event ids'));
  const groups = new Map<string, LogGroupWriter>();
  const groupOf = (account: string, region: string, name: string) =>
    remembered(groups, `${account}/${region}/${name}`, () =>
      createLogGroupWriter({ account, region, name }, ids, random),
    );
  const runtimes = new Map<string, FunctionRuntime>();
  const runtimeOf = (fn: FleetFunction) =>
    remembered(runtimes, fn.name, () => {
      const group = groupOf(fn.account, fn.region, fn.logGroup);
      return createFunctionRuntime(fn, group, random, (line) => truth.addLine({ ...line, of: 'authorizer' }));
    });
  const sites = FLEET.flatMap((api) => sitesOf(api, groupOf, runtimeOf, random));
  return { groups: [...groups.values()], sites };
}

function sitesOf(
  api: FleetApi,
  groupOf: (account: string, region: string, name: string) => LogGroupWriter,
  runtimeOf: (fn: FleetFunction) => FunctionRuntime,
  random: Random,
): Yard['sites'] {
  const total = api.stages.reduce((sum, stage) => sum + stage.weight, 0);
  return api.stages.map((stage) => {
    const group = groupOf(api.account, api.region, stage.logGroup);
    const logStreams = Array.from({ length: 4 }, () => random.hex(32));
    const weight = (api.weight * stage.weight) / total;
    if (api.authorizer === undefined) return { site: { api, stage, group, logStreams }, weight };
    const runtime = runtimeOf(api.authorizer.function);
    const desk = createAuthorizerDesk(api.authorizer, runtime);
    return { site: { api, stage, group, logStreams, runtime, desk }, weight: weightOf(api, weight) };
  });
}

/** A connection brings its messages along, so it must arrive more rarely. */
function weightOf(api: FleetApi, weight: number): number {
  return api.protocol === 'WEBSOCKET' ? weight / REQUESTS_PER_CONNECTION : weight;
}

interface Arrivals {
  nextMs(): number;
  runNext(): void;
}

/** A Poisson process over the fleet. */
function createArrivals(
  scenes: readonly { readonly scene: Scene; readonly weight: number }[],
  settings: TrafficSettings,
  random: Random,
): Arrivals {
  const total = scenes.reduce((sum, { weight }) => sum + weight, 0);
  const meanGapMs = 1_000 / (settings.ratePerSecond * (total / FLEET_WEIGHT));
  const gap = () => random.exponential(meanGapMs);
  let atMs = settings.fromMs + gap();
  return {
    nextMs: () => Math.floor(atMs),
    runNext: () => {
      pickWeighted(scenes, random.next() * total).arrive(Math.floor(atMs));
      atMs += gap();
    },
  };
}

const FLEET_WEIGHT = FLEET.reduce((sum, api) => sum + api.weight, 0);

function pickWeighted(
  scenes: readonly { readonly scene: Scene; readonly weight: number }[],
  at: number,
): Scene {
  let left = at;
  let chosen = scenes[0];
  for (const entry of scenes) {
    chosen = entry;
    left -= entry.weight;
    if (left < 0) break;
  }
  if (chosen === undefined) throw new RangeError('Expected a fleet with at least one stage, got none');
  return chosen.scene;
}

function remembered<T>(map: Map<string, T>, key: string, make: () => T): T {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
