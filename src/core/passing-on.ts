/*
 * Async iteration that keeps nothing. A generator and a `for await` hold their item until the next one is asked for; a
 * page of log events is several megabytes of objects, and who reads may wait for seconds before it asks.
 */

/** Items as `next` makes them, until it makes none; for one reader. Nothing begins before it is asked for. */
export function itemsFrom<T>(next: () => Promise<T | undefined>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => resultOf(await next()),
    }),
  };
}

/** Each item as `map` makes it. Whoever breaks off ends `items` too. */
export function mapItems<A, B>(items: AsyncIterable<A>, map: (item: A) => B | Promise<B>): AsyncIterable<B> {
  return {
    [Symbol.asyncIterator]: () => {
      const source = items[Symbol.asyncIterator]();
      return {
        next: async () => {
          const result = await source.next();
          if (result.done === true) return END;
          try {
            return { done: false, value: await map(result.value) };
          } catch (error) {
            await source.return?.();
            throw error;
          }
        },
        return: async () => {
          await source.return?.();
          return END;
        },
      };
    },
  };
}

/** `take` gets each item, `afterwards` follows without it. As `for await`, it ends the items when one of them throws. */
export async function forEachItem<T>(
  items: AsyncIterable<T>,
  take: (item: T) => void | Promise<void>,
  afterwards: () => Promise<void>,
): Promise<void> {
  const source = items[Symbol.asyncIterator]();
  let isOver = false;
  const takeNext = async () => {
    isOver = true;
    const result = await source.next();
    if (result.done === true) return false;
    isOver = false;
    await take(result.value);
    return true;
  };
  try {
    while (await takeNext()) await afterwards();
  } finally {
    // One that has ended, or has thrown by itself, is over.
    if (!isOver) await source.return?.();
  }
}

const END = { done: true, value: undefined } as const;

function resultOf<T>(item: T | undefined): IteratorResult<T, undefined> {
  return item === undefined ? END : { done: false, value: item };
}
