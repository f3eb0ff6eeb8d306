import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { forEachItem, itemsFrom, mapItems } from '../../src/core/passing-on.ts';

/** Numbers from 0 on, each in an object of its own; tells whether they were ended before their time. */
function numbers(count: number) {
  const told = { ended: 0 };
  async function* all() {
    try {
      for (let n = 0; n < count; n += 1) yield { n };
    } finally {
      told.ended += 1;
    }
  }
  return { items: all(), told };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  if (typeof gc !== 'function') throw new Error('Expected the collector to be at hand');
  gc();
}

describe('items that are passed on', () => {
  it('come one by one as they are made, until none is made', async () => {
    let made = 0;
    const items = itemsFrom(async () => (made < 3 ? ++made : undefined));
    expect(made).toBe(0);
    expect(await collect(items)).toEqual([1, 2, 3]);
  });

  it('are mapped in order, also by what takes its time', async () => {
    expect(await collect(mapItems(numbers(3).items, async ({ n }) => n * 2))).toEqual([0, 2, 4]);
  });

  it('end at their source when the reader breaks off', async () => {
    const { items, told } = numbers(3);
    for await (const n of mapItems(items, ({ n }) => n)) if (n === 1) break;
    expect(told.ended).toBe(1);
  });

  it('end at their source when one cannot be mapped', async () => {
    const { items, told } = numbers(3);
    const failing = mapItems(items, () => {
      throw new Error('no sense in it');
    });
    await expect(collect(failing)).rejects.toThrow('no sense in it');
    expect(told.ended).toBe(1);
  });

  it.each(['take', 'afterwards'])('end at their source when `%s` throws', async (where) => {
    const { items, told } = numbers(3);
    const fail = (here: string) => {
      if (here === where) throw new Error('enough');
    };
    const reading = forEachItem(
      items,
      () => fail('take'),
      async () => fail('afterwards'),
    );
    await expect(reading).rejects.toThrow('enough');
    expect(told.ended).toBe(1);
  });

  it('throw what their source throws', async () => {
    const items = itemsFrom<number>(async () => {
      throw new Error('gone');
    });
    await expect(
      forEachItem(
        items,
        () => undefined,
        async () => undefined,
      ),
    ).rejects.toThrow('gone');
  });

  it('are held by nobody while what follows takes its time', async () => {
    let left = 3;
    let last = new WeakRef<object>({});
    const pages = itemsFrom(async () => (left-- > 0 ? { page: left } : undefined));
    const kept: boolean[] = [];
    await forEachItem(
      mapItems(pages, ({ page }) => ({ items: [page] })),
      (page) => {
        last = new WeakRef(page);
      },
      async () => {
        await new Promise((resolve) => setImmediate(resolve));
        collectGarbage();
        kept.push(last.deref() !== undefined);
      },
    );
    expect(kept).toEqual([false, false, false]);
  });
});
