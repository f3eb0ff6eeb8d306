import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FreshParts } from '../../src/pipeline/fresh-parts.ts';
import type { Reading } from '../../src/pipeline/open-reading.ts';
import { quiet, until } from '../support/fake-clock.ts';
import { line, neverAsked, page, ReadingRig } from './reading-rig.ts';

const ORDERS = 'logs:111122223333:eu-west-1:/apigw/orders';
const BILLING = 'logs:111122223333:eu-west-1:/apigw/billing';
const MINUTE = 60_000;

let rig: ReadingRig;
beforeEach(async () => {
  rig = await ReadingRig.start();
});
afterEach(() => rig.dispose());

interface Group {
  readonly reading: Reading;
  /** Takes a page of lines in that so many seconds after the start of the window. */
  page(...seconds: number[]): Promise<void>;
  end(): Promise<void>;
}

/** Reads the last minute of a group; `batchEvents` lines of all groups are a commit. */
function group(unit: string, batchEvents: number, together = true): Group {
  const toMs = rig.clock.now();
  const window = { fromMs: toMs - MINUTE, toMs };
  const fresh = new FreshParts(new Set());
  const reading = rig.ingest.begin({ unit, window, fresh, batchEvents, together });
  return {
    reading,
    page: (...seconds) => {
      const parts = seconds.map((second) => line(`${unit.at(-1)}${second}`, window.fromMs + second * 1_000));
      expect(fresh.take(page(parts), neverAsked)).toBeUndefined();
      return reading.arrived();
    },
    end: async () => {
      await reading.finish({ readThroughMs: toMs, rereads: [] });
      reading.close();
    },
  };
}

/** What every commit held: its units, and how many records. */
function commits(): readonly (readonly [string, number])[] {
  return rig.commits.map(({ unit, beside = [], records }) => [
    [unit, ...beside.map((one) => one.unit)]
      .map((name) => name.slice(name.lastIndexOf('/') + 1))
      .toSorted()
      .join(),
    records.length,
  ]);
}

describe('windows that are read side by side', () => {
  it('go into one commit, each with the position it then has', async () => {
    const orders = group(ORDERS, 100);
    const billing = group(BILLING, 100);
    await Promise.all([orders.page(10, 20), billing.page(20)]);
    await Promise.all([orders.end(), billing.end()]);
    expect(commits()).toEqual([['billing,orders', 3]]);
    for (const unit of [ORDERS, BILLING])
      expect(await rig.journal.checkpoint(unit)).toMatchObject({
        readThroughMs: rig.clock.now(),
        version: 1,
      });
  });

  it('leave out of a commit what is younger than the slowest has come to', async () => {
    const orders = group(ORDERS, 3);
    const billing = group(BILLING, 3);
    const ahead = orders.page(10, 20, 30, 40);
    await billing.page(15, 25);
    expect(commits()).toEqual([['billing,orders', 4]]);
    await Promise.all([billing.end(), ahead.then(() => orders.end())]);
    expect((await rig.requests()).toSorted()).toEqual(
      ['ext-g15', 'ext-g25', 'ext-s10', 'ext-s20', 'ext-s30', 'ext-s40'].toSorted(),
    );
  });

  it('wait two seconds for one that stands still, and then no more until it moves', async () => {
    const orders = group(ORDERS, 100);
    group(BILLING, 100);
    let isOn = false;
    const first = orders.page(10).then(() => {
      isOn = true;
    });
    await quiet();
    await rig.clock.advance(1_900);
    expect(isOn).toBe(false);
    await rig.clock.advance(200);
    await first;
    await orders.page(20);
    await orders.end();
    expect(commits()).toEqual([['orders', 2]]);
  });

  it('commit by themselves when they are of an order', async () => {
    const orders = group(ORDERS, 100);
    const past = group(BILLING, 100, false);
    await past.page(10);
    await past.end();
    expect(commits()).toEqual([['billing', 1]]);
    await orders.page(20);
    await orders.end();
    expect(commits()).toEqual([
      ['billing', 1],
      ['orders', 1],
    ]);
  });

  it('break off together when the commit that has something of each fails', async () => {
    const orders = group(ORDERS, 2);
    const billing = group(BILLING, 2);
    rig.failures.push(new Error('disk full'));
    const results = await Promise.allSettled([
      orders.page(10, 11).then(() => orders.end()),
      billing.page(12, 13).then(() => billing.end()),
    ]);
    orders.reading.close();
    billing.reading.close();
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await rig.journal.checkpoint(ORDERS)).toBeUndefined();
    expect(await rig.journal.checkpoint(BILLING)).toBeUndefined();
    expect(await rig.requests()).toEqual([]);
  });

  it('never say that they are committed before they are', async () => {
    const orders = group(ORDERS, 100);
    const billing = group(BILLING, 100);
    await Promise.all([orders.page(10), billing.page(10)]);
    const ended: string[] = [];
    const ends = [orders.end(), billing.end()].map((end) =>
      end.then(() => ended.push(`${rig.commits.length} commits`)),
    );
    await until(() => ended.length > 0, 'one of them has ended');
    await Promise.all(ends);
    expect(ended).toEqual(['1 commits', '1 commits']);
    expect(await rig.requests()).toHaveLength(2);
  });
});

describe('a window that brings more than deliveries keep up with', () => {
  /** Lines of ten seconds of the window: as many as have to be on disk before it gives way. */
  const many = (fromSecond: number) => Array.from({ length: 1_000 }, (_, n) => fromSecond + n / 100);

  /** Whether the page's turn is over: the next one may be asked for. */
  function turn(work: Promise<void>): { isOver: boolean } {
    const state = { isOver: false };
    void work.then(() => {
      state.isOver = true;
    });
    return state;
  }

  it('gives way until they have caught up', async () => {
    const orders = group(ORDERS, 1_000);
    rig.isCrowded = true;
    const page = orders.page(...many(10));
    const state = turn(page);
    await until(() => rig.clock.sleeping > 0, 'it waits');
    await rig.clock.advance(500);
    expect(rig.commits).toHaveLength(1);
    expect(state.isOver).toBe(false);
    rig.isCrowded = false;
    await rig.clock.advance(10);
    await page;
  });

  it('goes on after a second, and gives way again after the next page', async () => {
    const orders = group(ORDERS, 1_000);
    rig.isCrowded = true;
    for (const fromSecond of [10, 20]) {
      const page = orders.page(...many(fromSecond));
      const state = turn(page);
      await until(() => rig.clock.sleeping > 0, 'it waits');
      await rig.clock.advance(990);
      expect(state.isOver).toBe(false);
      await rig.clock.advance(10);
      await page;
    }
  });

  it('gives way for a fifth of the time it covers: a slow destination does not keep a group from being read', async () => {
    const orders = group(ORDERS, 1_000);
    rig.isCrowded = true;
    for (let n = 0; n < 12; n += 1) {
      const page = orders.page(...many(n * 4).slice(0, n === 0 ? 1_000 : 1));
      await until(() => rig.clock.sleeping > 0, 'it waits');
      await rig.clock.advance(1_000);
      await page;
    }
    await orders.page(50);
  });

  it('gives no way while it has brought little', async () => {
    const orders = group(ORDERS, 500);
    rig.isCrowded = true;
    await orders.page(...many(10).slice(0, 999));
    expect(rig.commits).toHaveLength(1);
  });
});
