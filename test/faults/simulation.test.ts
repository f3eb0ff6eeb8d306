import { afterEach, expect, it } from 'vitest';
import type { Accepted } from '../simulation/destinations.ts';
import { Oracle } from '../simulation/oracle.ts';
import { Random } from '../simulation/random.ts';
import { quietSettings, type SimSettings, START_MS } from '../simulation/settings.ts';
import { type BadWeather, type Incarnation, SimWorld } from '../simulation/world.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Between two requests of the tests that last for days. */
const SELDOM = 5 * MINUTE;
/** In which steps their time passes: the worker is suspended as long, and wakes up to all that was due. */
const LEAP = 2 * HOUR;

let open: SimWorld[] = [];
afterEach(() => {
  for (const world of open) world.dispose();
  open = [];
});

function worldOf(
  lastsMs: number,
  weather: Partial<BadWeather> = {},
  more: Partial<SimSettings> = {},
): SimWorld {
  const settings = quietSettings(START_MS + lastsMs, more);
  const world = new SimWorld(settings, new Random(4), {
    aws: [],
    listings: [],
    splunk: [],
    dynatrace: [],
    ...weather,
  });
  open.push(world);
  return world;
}

/** Everything that the oracle of the simulation finds wrong once a fresh request has had time to get through. */
async function verdictOf(world: SimWorld, worker: Incarnation): Promise<readonly string[]> {
  const fresh = world.traffic.fresh(world.time.nowMs);
  world.cloudWatch.add(fresh.events);
  await world.time.advance(60 * SECOND);
  const found = await new Oracle(world, worker.runtime).check(fresh);
  return [...found, ...world.watch.violations, ...world.mishaps];
}

async function leapThrough(world: SimWorld, ms: number, stepMs: number): Promise<void> {
  for (let left = ms; left > 0; left -= stepMs) await world.time.leap(Math.min(stepMs, left));
}

async function isDrained(world: SimWorld, { runtime }: Incarnation): Promise<boolean> {
  const lanes = await runtime.journal.lanes();
  return lanes.every(({ pending }) => pending === 0) && world.watch.rows.size > 0;
}

/** Virtual time until nothing is pending, milliseconds. */
async function drainTime(world: SimWorld, worker: Incarnation, longestMs: number): Promise<number> {
  const startedMs = world.time.elapsedMs;
  while (!(await isDrained(world, worker)) && world.time.elapsedMs - startedMs < longestMs) {
    await world.time.advance(SECOND);
  }
  return world.time.elapsedMs - startedMs;
}

/** How often a destination was asked within any span of `spanMs`. */
function mostAsked(askedMs: readonly number[], spanMs: number): number {
  return Math.max(
    0,
    ...askedMs.map((from) => askedMs.filter((at) => at >= from && at < from + spanMs).length),
  );
}

/** By how much the order of acceptance strays from the order of age, milliseconds. */
function disorderMs(accepted: readonly Accepted[]): number {
  let newest = 0;
  let worst = 0;
  for (const { eventMs } of accepted) {
    worst = Math.max(worst, newest - eventMs);
    newest = Math.max(newest, eventMs);
  }
  return worst;
}

/** From when an event could be read to when the destination had it, milliseconds; sorted. */
function freshness(accepted: readonly Accepted[]): number[] {
  return accepted.map(({ atMs, eventMs }) => atMs - eventMs - 2_020).sort((a, b) => a - b);
}

it('FT-04 Splunk answering 503 for 100 hours loses nothing, keeps the order of age, and is asked once in 30 s', async () => {
  const upMs = START_MS + 100 * HOUR;
  const down = { kind: 'busy_503', fromMs: START_MS, toMs: upMs } as const;
  const world = worldOf(100 * HOUR, { splunk: [down] }, { latencyMs: 100, maxBatch: 40 });
  world.cloudWatch.add(world.traffic.steady(START_MS, upMs, SELDOM));
  const worker = await world.start();
  await world.time.advance(14 * MINUTE);
  const whileOpen = world.splunk.askedMs.filter((at) => at > START_MS + 3 * MINUTE);
  expect(whileOpen.length).toBeGreaterThan(15);
  expect(mostAsked(whileOpen, 30 * SECOND)).toBe(1);

  await leapThrough(world, upMs - MINUTE - world.time.nowMs, LEAP);
  expect(world.splunk.accepted).toEqual([]);
  expect(world.dynatrace.accepted.length).toBeGreaterThan(1_200 - (3 * LEAP) / SELDOM);
  await world.time.advance(2 * MINUTE);
  const { accepted } = world.splunk;
  expect(accepted.length).toBe(1_200);
  const tookIn = accepted.map(({ atMs }) => atMs - upMs);
  expect(Math.min(...tookIn)).toBeLessThan(31 * SECOND);
  // Three of the thirty batches under way at a time, each for a fifth of a second.
  expect(Math.max(...tookIn) - Math.min(...tookIn)).toBeLessThan(3 * SECOND);
  // Three batches of forty records may be under way side by side.
  expect(disorderMs(accepted)).toBeLessThan(3 * 40 * SELDOM);
  expect(await verdictOf(world, worker)).toEqual([]);
  await world.stop(worker);
}, 120_000);

it('FT-04 Dynatrace down for 100 hours: exactly the records outside its window expire, the others arrive', async () => {
  const upMs = START_MS + 100 * HOUR;
  const down = { kind: 'connection_refused', fromMs: START_MS, toMs: upMs } as const;
  const world = worldOf(100 * HOUR, { dynatrace: [down] }, { maxBatch: 40 });
  world.cloudWatch.add(world.traffic.steady(START_MS, upMs, SELDOM));
  const worker = await world.start();
  await leapThrough(world, upMs - world.time.nowMs, LEAP);
  const tookMs = await drainTime(world, worker, HOUR);
  const expired = world.watch.expired.get('dynatrace/records/live') ?? new Set();
  const wrong = [...world.watch.rows.values()].filter(({ seq, eventMs }) => {
    const isOnTheEdge = Math.abs(eventMs - (upMs - DAY)) <= tookMs + MINUTE;
    return !isOnTheEdge && expired.has(seq) !== eventMs < upMs - DAY;
  });
  expect(wrong).toEqual([]);
  expect(expired.size).toBeGreaterThan(900);
  expect(world.dynatrace.accepted.length + expired.size).toBe(1_200);
  expect(world.splunk.accepted.length).toBe(1_200);
  expect(await verdictOf(world, worker)).toEqual([]);
  await world.stop(worker);
}, 120_000);

it('FT-19 an event shown on several pages, in overlapping windows and again after restarts stands in one row', async () => {
  const world = worldOf(10 * MINUTE, {}, { repeats: 1, pageEvents: 7, batchEvents: 11, shuffledPages: true });
  world.cloudWatch.add(world.traffic.steady(START_MS, START_MS + 10 * MINUTE, 2 * SECOND));
  let worker = await world.start();
  for (let turn = 0; turn < 6; turn += 1) {
    await world.time.advance(100 * SECOND);
    worker.process.kill('a power cut');
    await world.bury(worker);
    worker = await world.start();
  }
  await world.time.advance(2 * MINUTE);
  expect(world.tally.of('aws_event_on_two_pages')).toBeGreaterThan(100);
  expect(world.watch.rows.size).toBe(300);
  expect(await verdictOf(world, worker)).toEqual([]);
  await world.stop(worker);
}, 120_000);

it('FT-21 ten thousand events of one millisecond, out of order and over several polls, end in the same rows', async () => {
  const tellings: (readonly string[])[] = [];
  for (const shuffledPages of [false, true]) {
    const world = worldOf(
      MINUTE,
      {},
      { shuffledPages, batchEvents: shuffledPages ? 700 : 5_000, pageEvents: 900 },
    );
    world.cloudWatch.add(world.traffic.sameMillisecond(START_MS + 5 * SECOND, 10_000));
    const worker = await world.start();
    await world.time.advance(3 * MINUTE);
    expect(await verdictOf(world, worker)).toEqual([]);
    const rows = [...world.watch.rows.values()];
    expect(rows.length).toBe(10_001);
    tellings.push(rows.map(({ recordId, eventId }) => `${recordId} ${eventId}`).sort());
    await world.stop(worker);
  }
  expect(tellings[1]).toEqual(tellings[0]);
}, 120_000);

it('FT-33 ten minutes of ten times the traffic lose nothing, and the lag is gone within ten minutes', async () => {
  const world = worldOf(20 * MINUTE, {}, { latencyMs: 200, maxBatch: 200 });
  const { traffic } = world;
  const burst = traffic.steady(START_MS + 5 * MINUTE, START_MS + 15 * MINUTE, 200);
  world.cloudWatch.add([...burst, ...traffic.steady(START_MS, START_MS + 20 * MINUTE, 2 * SECOND)]);
  const worker = await world.start();
  await world.time.advance(16 * MINUTE);
  expect(await drainTime(world, worker, 10 * MINUTE)).toBeLessThan(10 * MINUTE);
  await world.time.advance(6 * MINUTE);
  expect(world.watch.rows.size).toBe(3_000 + 600);
  expect(await verdictOf(world, worker)).toEqual([]);
  await world.stop(worker);
}, 120_000);

it('a HEC that never answers takes nothing of the freshness of the OTLP lanes', async () => {
  const silent = { kind: 'never_answers', fromMs: START_MS, toMs: START_MS + 12 * MINUTE } as const;
  const world = worldOf(10 * MINUTE, { splunk: [silent] }, { latencyMs: 100 });
  world.cloudWatch.add(world.traffic.steady(START_MS, START_MS + 9 * MINUTE, SECOND));
  const worker = await world.start();
  await world.time.advance(11 * MINUTE);
  expect(world.splunk.accepted).toEqual([]);
  const delays = freshness(world.dynatrace.accepted);
  expect(delays.length).toBe(540);
  // The poll interval, and some seconds for the way.
  expect(delays[Math.floor(delays.length * 0.99)]).toBeLessThanOrEqual(25 * SECOND);
  await world.time.advance(5 * MINUTE);
  expect(await verdictOf(world, worker)).toEqual([]);
  await world.stop(worker);
}, 120_000);
