import { beforeEach, describe, expect, it } from 'vitest';
import { RequestPacer } from '../../src/aws/request-pacer.ts';
import type { Urgency } from '../../src/model/source-event.ts';
import { FakeClock, quiet } from '../support/fake-clock.ts';

const GO = new AbortController().signal;

let clock: FakeClock;
let pacer: RequestPacer;
/** Who went, in order, with the second they went in. */
let gone: string[];
beforeEach(() => {
  clock = new FakeClock();
  pacer = new RequestPacer({ clock, ratePerSecond: 6, burst: 3 });
  gone = [];
});

function ask(name: string, urgency: Urgency, signal = GO): void {
  pacer.take(urgency, signal).then(
    () => gone.push(`${name} ${Math.floor(clock.monotonic() / 1_000)}`),
    () => gone.push(`${name} aborted`),
  );
}

/** How many calls go in each of the next seconds, with more of them waiting than can go. */
async function callsPerSecond(seconds: number, onCall: () => void = () => undefined): Promise<number[]> {
  const counts: number[] = [];
  const stop = new AbortController();
  const loop = (async () => {
    for (;;) {
      await pacer.take('live', stop.signal);
      const second = Math.floor(clock.monotonic() / 1_000);
      counts[second] = (counts[second] ?? 0) + 1;
      onCall();
    }
  })().catch(() => undefined);
  for (let step = 0; step < seconds * 20; step += 1) await clock.advance(50);
  stop.abort();
  await loop;
  return Array.from({ length: seconds }, (_, second) => counts[second] ?? 0);
}

describe('the pace of calls', () => {
  it('is a burst and then the rate, never more', async () => {
    expect(await callsPerSecond(5)).toEqual([8, 6, 6, 6, 6]);
  });

  it('lets a live call go before re-reads that have waited longer, and orders last', async () => {
    for (let n = 0; n < 3; n += 1) ask('first', 'live');
    ask('order', 'ordered');
    ask('again', 'behind');
    ask('live', 'live');
    await clock.advance(10_000);
    expect(gone.map((one) => one.split(' ')[0])).toEqual([
      'first',
      'first',
      'first',
      'live',
      'again',
      'order',
    ]);
  });

  it('never makes a live call wait because a re-read went before it', async () => {
    for (let n = 0; n < 50; n += 1) ask('again', 'behind');
    for (let turn = 0; turn < 20; turn += 1) {
      await clock.advance(163 + turn);
      const before = gone.length;
      ask('live', 'live');
      await quiet();
      expect(gone.slice(before)).toContainEqual(expect.stringMatching(/^live/));
      await clock.advance(400);
    }
  });

  it('lets re-reads have the whole rate when nothing else is asked for', async () => {
    for (let n = 0; n < 100; n += 1) ask('again', 'behind');
    await clock.advance(10_000);
    expect(gone.length).toBeGreaterThanOrEqual(59);
    expect(gone.length).toBeLessThanOrEqual(61);
  });

  it('halves with a throttle, once for all the calls under way, and is back within ten seconds', async () => {
    pacer.slowDown();
    pacer.slowDown();
    pacer.slowDown();
    expect(pacer.ratePerSecond).toBe(3);
    const counts = await callsPerSecond(8);
    expect(counts[0]).toBeLessThanOrEqual(4);
    expect(counts.slice(5)).toEqual([6, 6, 6]);
  });

  it('never falls so low that nobody would find out that the weather is fair again', async () => {
    for (let n = 0; n < 20; n += 1) {
      pacer.slowDown();
      clock.skip(1_000);
    }
    expect(pacer.ratePerSecond).toBeGreaterThanOrEqual(0.6);
    clock.skip(10_000);
    expect(pacer.ratePerSecond).toBe(6);
  });

  it('lets who is aborted go at once, and the next one take its place', async () => {
    const stop = new AbortController();
    for (let n = 0; n < 3; n += 1) ask('first', 'live');
    ask('stopped', 'live', stop.signal);
    ask('next', 'live');
    await quiet();
    stop.abort(new Error('stopping'));
    await clock.advance(170);
    expect(gone.slice(3)).toEqual(['stopped aborted', 'next 0']);
    ask('late', 'live', stop.signal);
    await quiet();
    expect(gone.at(-1)).toBe('late aborted');
  });
});
