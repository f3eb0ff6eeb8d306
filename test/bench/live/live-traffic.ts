import { quotaPerSecond } from '../../../src/aws/quotas.ts';
import type { Random } from '../../../src/sandbox/random.ts';
import { type BenchApi, benchApi } from '../bench-fleet.ts';
import { BASE_ID, baseRound, ROUND_MS, type RoundEvents } from '../bench-traffic.ts';
import type { Phase } from './messages.ts';

/** A Region with 25 FilterLogEvents a second; `GATEWATCH_BENCH_REGION=eu-central-1` is one with 5. */
export const LIVE_REGION = process.env.GATEWATCH_BENCH_REGION ?? 'us-east-1';
export const LIVE_QUOTA = quotaPerSecond('FilterLogEvents', LIVE_REGION);

const HIT_SHARE = 0.5;
const SILENT_SHARE = 0.01;
const MEDIAN_LAG_MS = 2_500;
const LAG_SIGMA = 0.5;
/** One line in so many is late. */
const STRAGGLERS = 500;

/** Four APIs, eight log groups: half of the authorizers log as Lambda does in JSON, half as Powertools. */
export const LIVE_APIS: readonly BenchApi[] = ['orders', 'billing', 'search', 'accounts'].map((name, n) =>
  benchApi(`a1b2c3d4e${n}`, name, {
    region: LIVE_REGION,
    form: n % 2 === 0 ? 'lambda_json' : 'powertools',
    logsGatewayId: n % 2 === 0 ? 'before_deciding' : 'with_decision',
  }),
);

/** One round of one API: a line of access, and four of the authorizer for each of the half that is no cache hit. */
export function liveRound(api: BenchApi, requestsPerSecond: number): RoundEvents {
  const own = String(LIVE_APIS.indexOf(api));
  return baseRound(api, {
    requests: Math.round((requestsPerSecond * ROUND_MS) / 1_000 / LIVE_APIS.length),
    hitShare: HIT_SHARE,
    silentShare: SILENT_SHARE,
    lagMs,
    extendedId: (_, n) => `${BASE_ID}${own}${String(n).padStart(6, '0')}=`,
  });
}

/** Seconds as a rule (99 of 100 within eight), a minute at most. */
function lagMs(random: Random): number {
  if (random.int(STRAGGLERS) === 0) return random.between(10_000, 50_000);
  return Math.round(Math.min(50_000, random.lognormal(MEDIAN_LAG_MS, LAG_SIGMA)));
}

/** The rate of each round from the first one on. */
export function ratesOf(phases: readonly Phase[]): readonly number[] {
  return phases.flatMap(({ requestsPerSecond, rounds }) => Array<number>(rounds).fill(requestsPerSecond));
}

/** Which rounds have which first eight digits in their ids, and the other way round. */
export function idOfRound(roundMs: number): string {
  return (Math.imul(roundMs / ROUND_MS, 2_654_435_761) >>> 0).toString(16).padStart(8, '0');
}
