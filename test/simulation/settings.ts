import { stringify } from 'yaml';
import type { GatewatchConfig } from '../../src/config/gatewatch-config.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { ACCOUNT, API_NAMES, type ApiName, REGION } from './fleet.ts';
import type { Random } from './random.ts';
import type { TrafficPlan } from './traffic-lines.ts';

export const START_MS = Date.UTC(2026, 10, 22, 10, 0, 0);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Everything that a seed decides before anything happens. */
export interface SimSettings {
  readonly traffic: TrafficPlan;
  /** Ages at which closed windows are read again. */
  readonly rereadsMs: readonly number[];
  readonly maxBatch: number;
  readonly batchEvents: number;
  /** Lines that wait for a partner in memory; above, they leave early. */
  readonly linesInMemory: number;
  /** Lines that a commit takes on beside its own. */
  readonly linesPerStep: number;
  readonly pageEvents: number;
  readonly shuffledPages: boolean;
  /** Chance that a page shows an event that an earlier page has shown. */
  readonly repeats: number;
  readonly bodyLimit: number;
  readonly maxBodyBytes: number;
  readonly latencyMs: number;
  readonly splunkKeepsPrefix: boolean;
  readonly awsSpells: number;
  readonly sinkSpells: number;
  readonly listingSpells: number;
  readonly longestSpellMs: number;
  readonly crashes: number;
  readonly secondWorkers: number;
  /** Orders that people place meanwhile. */
  readonly backfills: number;
  readonly replays: number;
  /** Everything is sent again on order in the end. */
  readonly endsWithReplay: boolean;
  /** What the re-reads cannot find any more is read on order in the end. */
  readonly endsWithBackfill: boolean;
  /** Chance that time passes in a leap rather than step by step. */
  readonly leaps: number;
  readonly readsMetrics: boolean;
  /** Nothing is wrong any more from here on. */
  readonly calmMs: number;
}

export function settingsOf(seed: number, random: Random): SimSettings {
  const fromMs = START_MS;
  const toMs = fromMs + random.int(1, 8) * MINUTE;
  const lateness = random.pick(['calm', 'calm', 'late', 'late', 'very_late']);
  const isBusy = random.chance(0.15);
  return {
    traffic: {
      fromMs,
      toMs,
      apis: fleetOf(random),
      requests: random.logInt(3, isBusy ? 120 : 40),
      burst: random.chance(0.2) ? random.logInt(10, 80) : 0,
      streams: random.int(1, 3),
      lateness,
      canary: `CANARY${String(seed).padStart(10, '0')}QWERTZ`,
      poison: random.chance(0.3) ? 0.1 : 0,
      big: random.chance(0.3) ? 0.15 : 0,
      forgedRequestId: random.chance(0.2),
    },
    rereadsMs: lateness === 'very_late' ? [5 * MINUTE, HOUR, 24 * HOUR] : [5 * MINUTE, HOUR],
    maxBatch: random.logInt(3, 60),
    batchEvents: random.logInt(5, 400),
    pageEvents: random.logInt(3, 100),
    shuffledPages: random.chance(0.3),
    repeats: 0.1,
    bodyLimit: random.chance(0.3) ? random.int(6_000, 16_000) : 4_000_000,
    maxBodyBytes: random.logInt(8_000, 2_000_000),
    latencyMs: random.pick([0, 0, 20, 400]),
    splunkKeepsPrefix: random.chance(0.5),
    awsSpells: random.pick([0, 1, 1, 1, 3]),
    sinkSpells: random.pick([0, 1, 1, 3]),
    listingSpells: random.pick([0, 0, 1, 2]),
    longestSpellMs: random.pick([3 * MINUTE, 10 * MINUTE, 40 * MINUTE]),
    crashes: random.pick([0, 1, 2, 5]),
    secondWorkers: random.pick([0, 0, 1]),
    backfills: random.pick([0, 0, 0, 1]),
    replays: random.pick([0, 0, 1]),
    endsWithReplay: random.chance(0.15),
    endsWithBackfill: random.chance(lateness === 'very_late' ? 0.5 : 0.1),
    leaps: random.pick([0.2, 0.6, 0.95]),
    readsMetrics: random.chance(0.3),
    calmMs: toMs + random.int(1, 25) * MINUTE,
    linesInMemory: random.pick([50_000, 50_000, 3, 20]),
    linesPerStep: [2_000, 1, 2_000, 5][seed % 4] ?? 2_000,
  };
}

/** Mostly small: what goes wrong between two groups goes wrong there too, at a fraction of the cost. */
function fleetOf(random: Random): readonly [ApiName, ...ApiName[]] {
  const size = random.pick([1, 1, 2, 2, 3]);
  const [first = 'orders', ...others] = random.shuffled(API_NAMES);
  return random.chance(0.05) ? API_NAMES : [first, ...others.slice(0, size - 1)];
}

/** A world in which nothing goes wrong that a test does not ask for. */
export function quietSettings(toMs: number, more: Partial<SimSettings> = {}): SimSettings {
  return {
    traffic: {
      fromMs: START_MS,
      toMs,
      apis: ['orders', 'open'],
      requests: 0,
      burst: 0,
      streams: 1,
      lateness: 'calm',
      canary: 'CANARY0000000000QWERTZ',
      poison: 0,
      big: 0,
      forgedRequestId: false,
    },
    rereadsMs: [5 * MINUTE, HOUR],
    maxBatch: 1_000,
    batchEvents: 5_000,
    linesInMemory: 50_000,
    linesPerStep: 2_000,
    pageEvents: 5_000,
    shuffledPages: false,
    repeats: 0,
    bodyLimit: 4_000_000,
    maxBodyBytes: 2_000_000,
    latencyMs: 0,
    splunkKeepsPrefix: false,
    awsSpells: 0,
    sinkSpells: 0,
    listingSpells: 0,
    longestSpellMs: MINUTE,
    crashes: 0,
    secondWorkers: 0,
    backfills: 0,
    replays: 0,
    endsWithReplay: false,
    endsWithBackfill: false,
    leaps: 0,
    readsMetrics: false,
    calmMs: toMs,
    ...more,
  };
}

function duration(ms: number): string {
  return `${Math.round(ms / 1_000)}s`;
}

export function configOf(settings: SimSettings): GatewatchConfig {
  const text = stringify({
    version: 1,
    accounts: { central: { accountId: ACCOUNT, regions: [REGION] } },
    metrics: { firstRead: '2h' },
    logs: { firstRead: '2h', rereads: settings.rereadsMs.map(duration) },
    journal: { reserve: '1MB' },
    redaction: { keys: [{ id: 'k1', secret: '$' + '{file:pseudonym.key}' }], pseudonymise: [] },
    sinks: {
      splunk: { type: 'splunk_hec', url: 'https://splunk.example.com:8088', token: '$' + '{file:hec.token}' },
      dynatrace: {
        type: 'dynatrace_otlp',
        url: 'https://dynatrace.example.com/api/v2/otlp',
        token: '$' + '{file:dt.token}',
      },
    },
  });
  const readFile = (path: string) => `secret of ${path}, long enough for a key`;
  const loaded = loadConfig({ path: '/simulated/gatewatch.yaml', text, env: {}, readFile });
  if (!loaded.ok) throw new Error(`Expected a valid configuration, got ${JSON.stringify(loaded.problems)}`);
  return loaded.config;
}
