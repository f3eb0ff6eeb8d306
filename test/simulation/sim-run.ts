import { FencedError } from '../../src/core/errors.ts';
import { hasEnded } from '../../src/model/order.ts';
import type { Window } from '../../src/model/source-event.ts';
import { AWS_FAULTS } from './cloudwatch.ts';
import { SINK_FAULTS } from './destinations.ts';
import { LISTING_FAULTS } from './listings.ts';
import { Oracle } from './oracle.ts';
import { FAILPOINTS } from './process.ts';
import { Random } from './random.ts';
import { type SimSettings, START_MS, settingsOf } from './settings.ts';
import type { Tally } from './tally.ts';
import { settled } from './virtual-time.ts';
import { type Climate, randomSpells } from './weather.ts';
import { type BadWeather, type Incarnation, SimWorld } from './world.ts';

export interface SimResult {
  readonly seed: number;
  readonly violations: readonly string[];
  /** What happened, newest last: the way to a violation. */
  readonly trace: readonly string[];
  readonly tally: Tally;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** When nothing is wrong any more, only the re-reads have to come round: small steps show nothing new. */
const CALM_LEAP_SHARE = 0.2;

type Trouble = 'crash' | 'intruder' | 'frozen' | 'backfill';

/** One seed from first light to its verdict: a stormy time, a calm one, and then nothing may be wrong. */
export class SimRun {
  readonly world: SimWorld;
  readonly #seed: number;
  readonly #random: Random;
  readonly #settings: SimSettings;
  readonly #violations: string[] = [];
  #current: Incarnation | undefined;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new Random(seed);
    this.#settings = settingsOf(seed, this.#random.fork());
    this.world = new SimWorld(this.#settings, this.#random.fork(), this.#weather());
  }

  async run(): Promise<SimResult> {
    const { world } = this;
    this.#current = await world.start();
    await this.#stormyTime();
    await this.#calmTime();
    await this.#checkAll();
    await world.stop(await this.#living());
    const violations = [...this.#violations, ...world.mishaps, ...world.watch.violations];
    return { seed: this.#seed, violations, trace: world.trace, tally: world.tally };
  }

  dispose(): void {
    this.world.dispose();
  }

  #weather(): BadWeather {
    const { awsSpells, listingSpells, sinkSpells } = this.#settings;
    return {
      aws: randomSpells(this.#climate(AWS_FAULTS, awsSpells), this.#random.fork()),
      listings: randomSpells(this.#climate(LISTING_FAULTS, listingSpells), this.#random.fork()),
      splunk: randomSpells(this.#climate(SINK_FAULTS, sinkSpells), this.#random.fork()),
      dynatrace: randomSpells(this.#climate(SINK_FAULTS, sinkSpells), this.#random.fork()),
    };
  }

  #climate<Kind extends string>(kinds: readonly [Kind, ...Kind[]], count: number): Climate<Kind> {
    const { calmMs, longestSpellMs, traffic } = this.#settings;
    const first = kinds[this.#seed % kinds.length] ?? kinds[0];
    const { fromMs, toMs: trafficMs } = traffic;
    return { kinds, count, fromMs: fromMs - MINUTE, calmMs, longestMs: longestSpellMs, first, trafficMs };
  }

  async #living(): Promise<Incarnation> {
    await this.#reviveIfDead();
    if (this.#current === undefined) throw new Error('Expected a worker to be there, found none');
    return this.#current;
  }

  /** Traffic comes in, everything is ill in turn, workers crash and are started again. */
  async #stormyTime(): Promise<void> {
    const { calmMs, crashes, secondWorkers, backfills, replays } = this.#settings;
    const troubles: (Trouble | 'replay')[] = this.#random.shuffled<Trouble>([
      ...Array.from({ length: crashes }, () => 'crash' as const),
      ...Array.from({ length: secondWorkers }, () => this.#random.pick(['intruder', 'frozen'])),
      ...Array.from({ length: backfills }, () => 'backfill' as const),
    ]);
    // Last, when there is something to send again.
    troubles.unshift(...Array.from({ length: replays }, () => 'replay' as const));
    const step = Math.max(10 * SECOND, (calmMs - START_MS) / (troubles.length + 1));
    while (this.world.time.nowMs < calmMs) {
      const trouble = troubles.pop();
      if (trouble === 'crash') await this.#armCrash();
      if (trouble === 'intruder') await this.#intrude();
      if (trouble === 'frozen') await this.#freezeBeyondLease();
      if (trouble === 'backfill') await this.#orderBackfill(this.#pastSpan());
      if (trouble === 'replay') await this.#orderReplay();
      const endMs = Math.min(calmMs, this.world.time.nowMs + step * (0.5 + this.#random.next()));
      while (this.world.time.nowMs < endMs) await this.#pass(this.#settings.leaps, 5 * MINUTE);
    }
  }

  /** Lets some time pass, at least that share of the longest where it leaps, and raises whoever died of it. */
  async #pass(leaps: number, longestMs: number, shortestShare = 0): Promise<void> {
    const { time, tally } = this.world;
    const isOver = () => this.#current?.process.isDead === true;
    if (this.#random.chance(leaps)) {
      const ms = this.#random.logInt(Math.max(2 * SECOND, longestMs * shortestShare), longestMs);
      if (ms > MINUTE) tally.add('clock_leap_over_1_minute');
      await time.leap(ms, isOver);
    } else {
      await time.advance(this.#random.logInt(SECOND, 8 * SECOND), isOver);
    }
    await this.#reviveIfDead();
  }

  /** Nothing is wrong any more. Late lines still come, and the re-reads that find them. */
  async #calmTime(): Promise<void> {
    const { time } = this.world;
    const oldest = Math.max(...this.#settings.rereadsMs);
    const grown = Math.max(10 * MINUTE, oldest / 12);
    const lastEventMs = Math.max(
      this.#settings.traffic.toMs,
      ...this.world.traffic.events.map(({ atMs }) => atMs),
    );
    const lastMs = Math.max(this.#settings.calmMs, lastEventMs + oldest + grown) + 5 * MINUTE;
    const longestMs = this.#random.pick([5 * MINUTE, HOUR, 4 * HOUR]);
    while (time.nowMs < lastMs) {
      // A crash that is armed may strike late; it is trouble all the same.
      const leftMs = lastMs - time.nowMs;
      await this.#pass(0.95, Math.max(2 * MINUTE, Math.min(longestMs, leftMs), leftMs / 20), CALM_LEAP_SHARE);
    }
    this.#current?.process.crashAfter(Number.POSITIVE_INFINITY, () => undefined);
    if (this.#settings.endsWithReplay) await this.#orderReplay();
    if (this.#settings.endsWithBackfill)
      await this.#orderBackfill({ fromMs: START_MS - HOUR, toMs: Math.floor(time.nowMs) });
    await this.#rest(10);
    // A slow destination that takes small bodies only is asked a hundred times for fifty rows.
    for (let turn = 0; turn < 50 && (await this.#hasOpenOrders()); turn += 1) await this.#rest(1);
  }

  async #hasOpenOrders(): Promise<boolean> {
    const orders = await (await this.#living()).runtime.journal.orders();
    return orders.some((order) => !hasEnded(order));
  }

  /** From some time before the traffic to some time before now. */
  #pastSpan(): Window {
    const toMs = Math.floor(this.world.time.nowMs) - this.#random.logInt(1, 10 * MINUTE);
    return { fromMs: toMs - this.#random.int(1, 60) * MINUTE, toMs };
  }

  async #orderBackfill(span: Window): Promise<void> {
    await this.#reviveIfDead();
    await this.world.orders.backfill(this.world.journalPath, span);
  }

  async #orderReplay(): Promise<void> {
    await this.#reviveIfDead();
    const span = { fromMs: START_MS - HOUR, toMs: Math.floor(this.world.time.nowMs) };
    const sink = this.#random.pick(['splunk', 'splunk', 'dynatrace']);
    await this.world.orders.replay(this.world.journalPath, sink, span);
  }

  /** Some turns of everything that comes round: the bound within which lag has to be nothing again. */
  async #rest(turns: number): Promise<void> {
    for (let turn = 0; turn < turns; turn += 1) {
      await this.world.time.leap(30 * SECOND);
      await this.world.time.advance(2 * SECOND);
    }
  }

  async #checkAll(): Promise<void> {
    const { traffic, cloudWatch, time } = this.world;
    const fresh = traffic.fresh(time.nowMs - 200);
    cloudWatch.add(fresh.events);
    await this.#rest(6);
    const oracle = new Oracle(this.world, (await this.#living()).runtime);
    this.#violations.push(...(await oracle.check(fresh)));
  }

  async #armCrash(): Promise<void> {
    const { process } = await this.#living();
    const { world } = this;
    const isFirst = world.tally.of('crash') === 0;
    const aimed = isFirst ? FAILPOINTS[this.#seed % FAILPOINTS.length] : this.#random.pick(FAILPOINTS);
    const point = this.#random.chance(0.8) ? aimed : undefined;
    const hits = point === undefined ? this.#random.logInt(1, 400) : this.#random.logInt(1, 12);
    const onCrash = () => {
      world.tally.add('crash');
      world.note(`crash ${process.crashedAt}`);
    };
    process.crashAfter(hits, onCrash, point);
  }

  async #reviveIfDead(): Promise<void> {
    const dead = this.#current;
    if (dead?.process.isDead !== true) return;
    this.#current = undefined;
    await this.world.bury(dead);
    await this.world.time.leap(this.#random.logInt(SECOND, 10 * MINUTE));
    this.#current = await this.world.start();
  }

  /** FT-35: a second worker on the same journal is turned away while the first one lives. */
  async #intrude(): Promise<void> {
    const { tally, trace } = this.world;
    const started = trace.length;
    const end = await this.world.start().catch((error: unknown) => error);
    if (end instanceof Error && 'code' in end && end.code === 'journal_in_use') {
      tally.add('second_worker_refused');
      return;
    }
    this.#violations.push(
      `I5: expected a second worker to be refused, got ${String(end)} after ${trace.length - started} steps`,
    );
  }

  /** FT-35: a worker that is stopped past its lease and wakes up again finds that it has been replaced. */
  async #freezeBeyondLease(): Promise<void> {
    const { time, tally } = this.world;
    const first = await this.#living();
    first.process.freeze();
    this.world.note('the worker is frozen');
    await time.leap(this.#random.int(20, 400) * SECOND);
    this.#current = await this.world.start();
    if (this.#random.chance(0.5)) await time.advance(this.#random.int(1, 60) * SECOND);
    first.process.thaw();
    this.world.note('the first worker wakes up');
    await time.advance(10 * SECOND);
    const end = await Promise.race([first.ended, settled().then(() => 'still running')]);
    if (end instanceof FencedError) tally.add('frozen_worker_fenced');
    else if (!first.process.isDead)
      this.#violations.push(`I5: expected the replaced worker to end as fenced, got ${String(end)}`);
    first.process.kill('end');
    await first.runtime.close();
  }
}
