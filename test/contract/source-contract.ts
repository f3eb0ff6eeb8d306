import { afterEach, describe, expect, it } from 'vitest';
import { HeldError, IncompleteReadError } from '../../src/core/errors.ts';
import type { Page, Source, Window } from '../../src/model/source-event.ts';

/**
 * What AWS does: shows all, over several pages with an empty one among them; is too busy for every call; refuses every
 * call for good; shows a part and breaks off; shows nothing because there is nothing.
 */
export type SourceMood = 'success' | 'transient' | 'permanent' | 'mixed' | 'empty';

export interface SourceUnderTest<R> {
  readonly source: Source<R>;
  readonly window: Window;
  setMood(mood: SourceMood): void;
  /** What stands for an item, so that loss and repeats are counted. */
  idOf(item: R): string;
  /** Everything the window holds. */
  readonly all: readonly string[];
  /** What the mood `mixed` shows before it breaks off. */
  readonly shownWhenMixed: readonly string[];
  /** Calls that reached AWS. */
  calls(): number;
  close(): Promise<void>;
}

const GO = new AbortController().signal;

/** What every source promises, whatever stands behind it. */
export function describeSourceContract<R>(name: string, start: () => Promise<SourceUnderTest<R>>): void {
  const running: SourceUnderTest<R>[] = [];

  async function open(mood: SourceMood): Promise<SourceUnderTest<R>> {
    const made = await start();
    running.push(made);
    made.setMood(mood);
    return made;
  }

  async function read(under: SourceUnderTest<R>, signal = GO) {
    const pages: Page<R>[] = [];
    let failure: unknown;
    try {
      for await (const page of under.source.read(under.window, signal)) pages.push(page);
    } catch (error) {
      failure = error;
    }
    const ids = pages.flatMap(({ items }) => items.map((item) => under.idOf(item)));
    return { ids: ids.sort(), failure, read: pages.reduce((sum, page) => sum + page.read, 0) };
  }

  afterEach(async () => {
    for (const under of running.splice(0)) await under.close();
  });

  describe(`${name} as a source`, () => {
    it('yields every item of the window once, and counts what it read', async () => {
      const under = await open('success');
      const { ids, failure, read: count } = await read(under);
      expect(failure).toBeUndefined();
      expect(ids).toEqual([...under.all].sort());
      expect(count).toBe(under.all.length);
    });

    it('yields the same items under the same ids when the window is read again', async () => {
      const under = await open('success');
      expect((await read(under)).ids).toEqual((await read(under)).ids);
    });

    it('takes an empty window for empty, not for a failure', async () => {
      const under = await open('empty');
      expect(await read(under)).toEqual({ ids: [], failure: undefined, read: 0 });
      expect(under.calls()).toBeGreaterThan(0);
    });

    it('says incomplete while AWS is busy, and gives all once it is not', async () => {
      const under = await open('transient');
      const { ids, failure } = await read(under);
      expect(ids).toEqual([]);
      expect(failure).toBeInstanceOf(IncompleteReadError);
      under.setMood('success');
      expect((await read(under)).ids).toEqual([...under.all].sort());
    });

    it('is held, with what a person must mend, when AWS refuses for good', async () => {
      const under = await open('permanent');
      const { ids, failure } = await read(under);
      expect(ids).toEqual([]);
      expect(failure).toBeInstanceOf(HeldError);
      expect(String(failure)).toMatch(/allow |denied|not authorized/i);
    });

    it('keeps what came before a read broke off, says incomplete, and gives the rest the next time', async () => {
      const under = await open('mixed');
      const { ids, failure } = await read(under);
      expect(ids).toEqual([...under.shownWhenMixed].sort());
      expect(ids.length).toBeGreaterThan(0);
      expect(ids.length).toBeLessThan(under.all.length);
      expect(failure).toBeInstanceOf(IncompleteReadError);
      under.setMood('success');
      expect((await read(under)).ids).toEqual([...under.all].sort());
    });

    it('rejects with the reason of an aborted signal and asks AWS nothing', async () => {
      const under = await open('success');
      const stop = new AbortController();
      stop.abort(new Error('stopping'));
      const { ids, failure } = await read(under, stop.signal);
      expect(ids).toEqual([]);
      expect(String(failure)).toContain('stopping');
      expect(under.calls()).toBe(0);
    });
  });
}
