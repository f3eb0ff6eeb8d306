import { afterEach, describe, expect, it } from 'vitest';
import type { JournalEntry } from '../../src/model/journal.ts';
import type { Sink, Verdict } from '../../src/model/sink.ts';
import { placesOf } from '../sinks/sink-harness.ts';

/**
 * What the destination does: takes all; is busy for now; refuses each for good; refuses every third for good; refuses
 * the token until the sink reads the new one; never answers.
 */
export type Mood = 'success' | 'transient' | 'permanent' | 'mixed' | 'wrong_token' | 'silent';

export interface SinkUnderTest {
  readonly sink: Sink;
  setMood(mood: Mood): void;
  /** `event_id` of every record the destination took in, in order, once per copy. */
  taken(): readonly string[];
  /** Requests that reached the destination. */
  requests(): number;
  /** Resolves when a request has arrived that is not yet answered. */
  nextRequest(): Promise<void>;
  /** Entries of this sink's kind, numbered from `firstSeq`; in the mood `mixed` every third is refused. */
  batch(firstSeq: number, count: number): readonly JournalEntry[];
  close(): Promise<void>;
}

/** True for the entries that the mood `mixed` refuses. */
export function isPoison(seq: number): boolean {
  return seq % 3 === 0;
}

const NEVER = new AbortController().signal;

/** What every sink promises, whatever stands behind it. Each entry has an id, so that loss and repeats are counted. */
export function describeSinkContract(name: string, start: () => Promise<SinkUnderTest>): void {
  let running: SinkUnderTest[] = [];

  async function open(): Promise<SinkUnderTest> {
    const made = await start();
    running.push(made);
    return made;
  }

  async function send(under: SinkUnderTest, batch: readonly JournalEntry[]): Promise<Verdict> {
    const verdict = await under.sink.send(batch, NEVER);
    placesOf(verdict, batch);
    return verdict;
  }

  afterEach(async () => {
    for (const under of running) await under.close();
    running = [];
  });

  describe(`${name} as a sink`, () => {
    it('delivers each entry once when all goes well', async () => {
      const under = await open();
      const batch = under.batch(1, 50);
      const verdict = await send(under, batch);
      expect(verdict.accepted).toEqual(batch.map(({ seq }) => seq));
      expect(verdict).not.toHaveProperty('held');
      expect([...under.taken()].sort()).toEqual(batch.map(({ eventId }) => eventId).sort());
    });

    it('asks to send all again, with the reason in words, while the destination is busy', async () => {
      const under = await open();
      under.setMood('transient');
      const batch = under.batch(1, 50);
      const verdict = await send(under, batch);
      expect(verdict.retry).toHaveLength(50);
      expect(verdict.retryReason).toMatch(/\S+ \S+/);
      expect(verdict).not.toHaveProperty('held');
      under.setMood('success');
      expect((await send(under, batch)).accepted).toHaveLength(50);
      expect(new Set(under.taken())).toEqual(new Set(batch.map(({ eventId }) => eventId)));
    });

    it('gives each entry up, with its reason, that the destination refuses for good', async () => {
      const under = await open();
      under.setMood('permanent');
      const batch = under.batch(1, 20);
      const verdict = await send(under, batch);
      expect(verdict.rejected.map(({ seq }) => seq)).toEqual(batch.map(({ seq }) => seq));
      for (const { reason } of verdict.rejected) expect(reason).toMatch(/\S+ \S+/);
      expect(under.taken()).toEqual([]);
    });

    it('gives up the refused entries alone and delivers all others', async () => {
      const under = await open();
      under.setMood('mixed');
      const batch = under.batch(1, 50);
      const verdict = await send(under, batch);
      const good = batch.filter(({ seq }) => !isPoison(seq));
      expect(verdict.accepted).toEqual(good.map(({ seq }) => seq));
      expect(verdict.rejected.map(({ seq }) => seq)).toEqual(
        batch.filter(({ seq }) => isPoison(seq)).map(({ seq }) => seq),
      );
      expect(new Set(under.taken())).toEqual(new Set(good.map(({ eventId }) => eventId)));
    });

    it('gives nothing up for a wrong token, and goes on once the token is read again', async () => {
      const under = await open();
      under.setMood('wrong_token');
      const batch = under.batch(1, 50);
      const held = await send(under, batch);
      expect(held.retry).toHaveLength(50);
      expect(held.held?.reason).toMatch(/token/);
      const asked = under.requests();
      expect(asked).toBe(1);
      under.sink.refreshSecrets();
      expect((await send(under, batch)).accepted).toHaveLength(50);
    });

    it('sends all again after a destination that never answers, within its deadline', async () => {
      const under = await open();
      under.setMood('silent');
      const verdict = await send(under, under.batch(1, 5));
      expect(verdict.retry).toHaveLength(5);
      expect(verdict.retryReason).toMatch(/\d+ ms/);
    });

    it('rejects with the reason of an aborted signal', async () => {
      const under = await open();
      under.setMood('silent');
      const abort = new AbortController();
      const arrived = under.nextRequest();
      const sending = under.sink.send(under.batch(1, 5), abort.signal);
      await arrived;
      abort.abort(new Error('stopping'));
      await expect(sending).rejects.toThrow('stopping');
    });

    it('asks nothing for an empty batch', async () => {
      const under = await open();
      await send(under, []);
      expect(under.requests()).toBe(0);
    });
  });
}
