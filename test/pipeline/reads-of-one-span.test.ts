import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KnownKeys } from '../../src/model/journal.ts';
import type { LogPart } from '../../src/model/part.ts';
import { readLogUnit } from '../../src/pipeline/read-log-unit.ts';
import { quiet } from '../support/fake-clock.ts';
import { line, page, ReadingRig, ScriptedSource, UNIT } from './reading-rig.ts';

const MINUTE = 60_000;
const GO = new AbortController().signal;

/** A backfill order of the last minutes finds live reading at work there: both look up what is stored before either commits. */
describe('a backfill and live reading of one span side by side', () => {
  let rig: ReadingRig;
  beforeEach(async () => {
    rig = await ReadingRig.start();
  });
  afterEach(() => rig.dispose());

  const linesOf = (...ids: string[]) => ids.map((id, n) => line(id, rig.clock.now() - 30_000 + n));

  interface Read {
    readonly done: Promise<number>;
    /** Lets the pages come. */
    readonly goOn: () => void;
  }

  /** `afterLookUp`: what happens between the look-up of the stored keys and the first page. */
  function read(
    kind: 'live' | 'backfill',
    pages: readonly (readonly LogPart[])[],
    afterLookUp = async (): Promise<void> => undefined,
  ): Read {
    const source = new ScriptedSource<LogPart>(UNIT, pages.map(page));
    const gate = Promise.withResolvers<void>();
    source.onRead = () => gate.promise;
    const nowMs = rig.clock.now();
    const seenIn = async (unit: string, fromMs: number, toMs: number): Promise<KnownKeys> => {
      const known = await rig.journal.seenIn(unit, fromMs, toMs);
      await afterLookUp();
      return known;
    };
    const done = readLogUnit({
      source,
      task: {
        kind,
        window: { fromMs: nowMs - MINUTE, toMs: nowMs },
        ...(kind === 'live' && { after: () => ({ readThroughMs: nowMs, rereads: [] }) }),
      },
      ingest: rig.ingest,
      seenIn,
      batchEvents: 100,
      signal: GO,
    });
    return { done, goOn: gate.resolve };
  }

  async function seenAndStored(): Promise<readonly [number, number]> {
    const ledger = await rig.ledger();
    const sum = (pick: 'seen' | 'stored') => ledger.reduce((total, entry) => total + entry[pick], 0);
    return [sum('seen'), sum('stored')];
  }

  it('store each line once, whoever comes first, and what one alone was shown as well', async () => {
    const live = read('live', [linesOf('a', 'b', 'c')]);
    const past = read('backfill', [linesOf('a', 'b', 'c', 'd')]);
    await quiet();
    live.goOn();
    past.goOn();
    const found = await Promise.all([live.done, past.done]);
    expect(found[0] + found[1]).toBe(4);
    expect((await rig.requests()).toSorted()).toEqual(['ext-a', 'ext-b', 'ext-c', 'ext-d']);
    expect(rig.commits.flatMap(({ seen }) => seen)).toHaveLength(4);
    expect(await seenAndStored()).toEqual([4, 4]);
    expect(rig.ingest.checkpointOf(UNIT)?.readThroughMs).toBe(rig.clock.now());
  });

  it('drop a line that comes to one of them after the other stored it', async () => {
    const past = read('backfill', [linesOf('a', 'b', 'c')]);
    const live = read('live', [linesOf('a', 'b')]);
    await quiet();
    live.goOn();
    expect(await live.done).toBe(2);
    past.goOn();
    expect(await past.done).toBe(1);
    expect(rig.commits.flatMap(({ seen }) => seen)).toHaveLength(3);
  });

  it('hear of what is stored while they look up what is', async () => {
    const past = read('backfill', [linesOf('a', 'b')], async () => {
      const live = read('live', [linesOf('a', 'b')]);
      live.goOn();
      await live.done;
    });
    past.goOn();
    expect(await past.done).toBe(0);
    expect(rig.commits.flatMap(({ seen }) => seen)).toHaveLength(2);
  });

  it('lose nothing when the commit of the first fails: the other stores it', async () => {
    const live = read('live', [linesOf('a', 'b')]);
    const past = read('backfill', [linesOf('a', 'b')]);
    await quiet();
    rig.failures.push(new Error('disk full'));
    live.goOn();
    await expect(live.done).rejects.toThrow('disk full');
    past.goOn();
    expect(await past.done).toBe(2);
    expect(await rig.requests()).toEqual(['ext-a', 'ext-b']);
  });
});
