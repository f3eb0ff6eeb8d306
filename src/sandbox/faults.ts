import { UserError } from '../core/errors.ts';
import { createRandom } from './random.ts';

/** What a fault does, the share of calls it hits, and whether `--faults` has it on by default. */
interface FaultRow {
  readonly does: string;
  /** Share of the calls it may hit, 0 to 1. */
  readonly rate: number;
  readonly usual: boolean;
  /** Lasts until it is switched off, so that a client which tries again does not get through: not among `all`. */
  readonly outage?: boolean;
}

/** Every fault the sandbox can play. `late` is made by the traffic generator, on or off: here it only has a name. */
export const faultCatalog = {
  late: {
    does: 'log events and metric points become readable late, some after minutes',
    rate: 1,
    usual: true,
  },
  throttle: { does: 'AWS answers ThrottlingException', rate: 0.03, usual: true },
  partial: {
    does: 'GetMetricData answers PartialData or InternalError, in small pages',
    rate: 0.1,
    usual: true,
  },
  empty: { does: 'FilterLogEvents answers empty pages with a token', rate: 0.15, usual: true },
  busy: { does: 'HEC answers 503 code 9, or 429 code 26', rate: 0.06, usual: true },
  reset: {
    does: 'the connection is closed before the work or after it, before the answer',
    rate: 0.03,
    usual: true,
  },
  'near-capacity': { does: 'HEC answers 200 code 24: accepted, slow down', rate: 0.05, usual: true },
  'otlp-busy': { does: 'OTLP answers 503 or 429 with Retry-After: 1', rate: 0.05, usual: true },
  html: { does: 'HEC and OTLP answer 502 with a load balancer page', rate: 0.02, usual: true },
  slow: { does: 'an answer takes 200 to 700 ms longer', rate: 0.05, usual: false },
  denied: {
    does: 'the first calls of an operation answer AccessDenied, then it is permitted',
    rate: 1,
    usual: false,
  },
  'expired-credentials': {
    does: 'AWS answers ExpiredTokenException to assumed credentials',
    rate: 0.03,
    usual: false,
  },
  'aws-5xx': { does: 'AWS answers 500 or 503', rate: 0.05, usual: false },
  'aws-outage': { does: 'AWS answers 500 or 503 to every call', rate: 1, usual: false, outage: true },
  'throttle-storm': {
    does: 'AWS throttles nine of ten calls, also many in a row',
    rate: 0.9,
    usual: false,
    outage: true,
  },
  'empty-run': {
    does: 'FilterLogEvents answers 50 empty pages with tokens before the first one that holds something',
    rate: 1,
    usual: false,
  },
  'repeated-token': {
    does: 'FilterLogEvents hands the token of a page back once more',
    rate: 1,
    usual: false,
    outage: true,
  },
  'expired-token': {
    does: 'FilterLogEvents no longer takes a token, twice for each log group',
    rate: 1,
    usual: false,
  },
  'sts-denied': {
    does: 'every call to STS is denied, AssumeRole among them',
    rate: 1,
    usual: false,
    outage: true,
  },
  'aws-ahead': {
    does: "AWS's clock is ten minutes ahead of the host's, and signatures off by five are refused",
    rate: 1,
    usual: false,
    outage: true,
  },
  'aws-behind': {
    does: "AWS's clock is ten minutes behind the host's, and signatures off by five are refused",
    rate: 1,
    usual: false,
    outage: true,
  },
  'infrequent-access': {
    does: 'log groups are of class INFREQUENT_ACCESS, which takes no metric filters',
    rate: 1,
    usual: false,
    outage: true,
  },
  'shutting-down': { does: 'HEC answers 503 code 23', rate: 0.05, usual: false },
  'ack-capacity': { does: 'HEC answers 200 code 25, or 429 code 27', rate: 0.05, usual: false },
  'ack-lost': { does: 'HEC forgets the ack ids of a request: never acknowledged', rate: 0.1, usual: false },
  'otlp-partial': {
    does: 'OTLP drops one item and answers 200 with a rejected count',
    rate: 0.05,
    usual: false,
  },
} as const satisfies Readonly<Record<string, FaultRow>>;

export type FaultName = keyof typeof faultCatalog;

export interface FaultSettings {
  readonly names: readonly FaultName[];
  /** Other rates than the catalogue's, 0 to 1. */
  readonly rates?: Readonly<Partial<Record<FaultName, number>>>;
}

export const noFaults: FaultSettings = { names: [] };

export const faultNames = Object.keys(faultCatalog).filter(isFaultName);

export const usualFaults: FaultSettings = { names: faultNames.filter((name) => faultCatalog[name].usual) };

/** Those that a client which tries again gets through. */
const passingFaults = faultNames.filter((name) => !isOutage(faultCatalog[name]));

/** Those that last until they are switched off. */
export const outageNames = faultNames.filter((name) => isOutage(faultCatalog[name]));

function isOutage(row: FaultRow): boolean {
  return row.outage === true;
}

export function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(faultCatalog, name);
}

/** Reads `late,throttle,…`, `usual`, `all` or `none`. Throws a UserError that names every unknown word. */
export function parseFaults(text: string): FaultSettings {
  const words = text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  if (words.length === 0 || (words.length === 1 && words[0] === 'none')) return noFaults;
  const names = new Set<FaultName>();
  const unknown: string[] = [];
  for (const word of words) {
    if (word === 'all') for (const name of passingFaults) names.add(name);
    else if (word === 'usual') for (const name of usualFaults.names) names.add(name);
    else if (isFaultName(word)) names.add(word);
    else unknown.push(word);
  }
  if (unknown.length > 0) {
    throw new UserError(
      'unknown_fault',
      `Expected --faults to be none, usual, all or a list of ${faultNames.join(', ')}, got \`${unknown.join(', ')}\`.`,
    );
  }
  return { names: [...names] };
}

/** Counts by name, shown in `/_sandbox/stats`. */
export class Counters {
  readonly #counts = new Map<string, number>();

  add(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

interface Schedule {
  readonly random: () => number;
  /** Calls still to go until it happens. */
  left: number;
}

/**
 * Decides when a fault happens. For each fault and key (an operation, an endpoint) it happens early once, so that a
 * short run meets it, and then at its rate with gaps, so that never two calls in a row of one key are hit by one
 * fault: a client that retries gets through.
 */
export class FaultInjector {
  readonly #seed: number;
  readonly #counters: Counters;
  readonly #schedules = new Map<string, Schedule>();
  #settings: FaultSettings;

  constructor(options: { settings: FaultSettings; seed: number; counters: Counters }) {
    this.#settings = options.settings;
    this.#seed = options.seed;
    this.#counters = options.counters;
  }

  get settings(): FaultSettings {
    return this.#settings;
  }

  replace(settings: FaultSettings): void {
    this.#settings = settings;
    this.#schedules.clear();
  }

  isOn(name: FaultName): boolean {
    return this.#settings.names.includes(name);
  }

  /** True when `name` hits this call of `key`; the hit is counted. */
  happens(name: FaultName, key: string): boolean {
    if (!this.isOn(name)) return false;
    const rate = this.#settings.rates?.[name] ?? faultCatalog[name].rate;
    if (rate <= 0) return false;
    const schedule = this.#scheduleOf(name, key, rate);
    schedule.left -= 1;
    if (schedule.left > 0) return false;
    schedule.left = rate >= 1 ? 1 : gapOf(rate, schedule.random);
    this.#counters.add(name);
    return true;
  }

  /** True for a share of the calls, each for itself: also many in a row. The hit is counted. */
  strikes(name: FaultName, key: string): boolean {
    if (!this.isOn(name)) return false;
    const rate = this.#settings.rates?.[name] ?? faultCatalog[name].rate;
    if (this.#schedule(`${name}\n${key}`, () => 0).random() >= rate) return false;
    this.#counters.add(name);
    return true;
  }

  /** True for the first `times` calls of `key`. */
  happensAtFirst(name: FaultName, key: string, times: number): boolean {
    if (!this.isOn(name)) return false;
    const schedule = this.#schedule(`${name}\n${key}`, () => times + 1);
    if (schedule.left <= 1) return false;
    schedule.left -= 1;
    this.#counters.add(name);
    return true;
  }

  /** A seeded number in [0, 1) for how a fault looks. */
  random(name: FaultName): number {
    return this.#schedule(`${name}\nlook`, () => 0).random();
  }

  #scheduleOf(name: FaultName, key: string, rate: number): Schedule {
    return this.#schedule(`${name}\n${key}`, (random) =>
      rate >= 1 ? 1 : 1 + Math.floor(random() * Math.min(8, 1 / rate)),
    );
  }

  #schedule(id: string, firstLeft: (random: () => number) => number): Schedule {
    let schedule = this.#schedules.get(id);
    if (schedule === undefined) {
      const random = createRandom(this.#seed, id).next;
      schedule = { random, left: firstLeft(random) };
      this.#schedules.set(id, schedule);
    }
    return schedule;
  }
}

/** Calls until the next hit: at least 2, `1 / rate` on average (where the rate allows). */
function gapOf(rate: number, random: () => number): number {
  return 2 + Math.floor(random() * Math.max(0, 2 / rate - 3));
}
