import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FencedError } from '../../src/core/errors.ts';
import type { LaneAck } from '../../src/model/journal.ts';
import type { Verdict } from '../../src/model/sink.ts';
import { withSmallerBatches } from '../../src/pipeline/smaller-batches.ts';
import { quiet, until } from '../support/fake-clock.ts';
import { accepts, busy, holds, LaneRig, ScriptedSink, seqs, sorts } from './lane-rig.ts';

let rig: LaneRig;
beforeEach(async () => {
  rig = await LaneRig.start();
});
afterEach(() => rig.dispose());

async function cursorOf(name: string): Promise<number | undefined> {
  return (await rig.journal.lanes()).find((lane) => lane.lane === name)?.cursor;
}

describe('a lane', () => {
  it('delivers the journal in order and keeps its cursor there', async () => {
    await rig.rows('a', 'b', 'c', 'd', 'e');
    const sink = new ScriptedSink('splunk', 2, accepts);
    const drain = await rig.lane(sink);
    rig.run(drain);
    await until(() => drain.status.cursor === 5, 'all five are delivered');
    expect(sink.sent).toEqual([[1, 2], [3, 4], [5]]);
    expect(await cursorOf('splunk')).toBe(5);
    expect(drain.status).toMatchObject({ counts: { accepted: 5 }, held: undefined, trouble: undefined });
    expect(drain.status.throughMs).toBe(rig.clock.now());
  });

  it('looks at once when it is told that rows came, and by itself after a second', async () => {
    const sink = new ScriptedSink('splunk', 10, accepts);
    const drain = await rig.lane(sink);
    rig.run(drain);
    await quiet();
    await rig.rows('a');
    drain.wake();
    await until(() => drain.status.cursor === 1, 'the woken lane has delivered');
    await rig.rows('b');
    await quiet();
    expect(sink.sent).toEqual([[1]]);
    await rig.clock.advance(1_000);
    await until(() => drain.status.cursor === 2, 'the lane has looked by itself');
  });

  it.each([true, false])(
    'says whether a repeat would count (%s) with what it acknowledges',
    async (counts) => {
      await rig.rows('a');
      const acks: LaneAck[] = [];
      const journal = rig.journalWith({
        ackLane: (ack) => {
          acks.push(ack);
          return rig.journal.ackLane(ack);
        },
      });
      const sink = new ScriptedSink('splunk', 10, accepts);
      sink.repeatsCount = counts;
      const drain = await rig.lane(withSmallerBatches(sink, 1), {}, journal);
      rig.run(drain);
      await until(() => drain.status.cursor === 1, 'the row is delivered');
      expect(acks.map(({ repeatsCount }) => repeatsCount)).toEqual([counts]);
    },
  );

  it('goes on behind the acknowledged rows as a new worker', async () => {
    await rig.rows('a', 'b', 'c');
    const first = new ScriptedSink('splunk', 2, accepts, busy());
    const drain = await rig.lane(first);
    rig.run(drain);
    await until(() => first.sent.length === 2, 'the second batch was sent');
    await rig.stop();
    const second = new ScriptedSink('splunk', 10, accepts);
    const again = await rig.lane(second);
    expect(again.status).toMatchObject({ cursor: 2, counts: { accepted: 2 } });
    const stop = new AbortController();
    const running = again.run(stop.signal);
    await until(() => again.status.cursor === 3, 'the third row is delivered');
    stop.abort(new Error('stopping'));
    await running;
    expect(second.sent).toEqual([[3]]);
  });

  it('stops at once in the middle of a back-off and keeps what was not acknowledged', async () => {
    await rig.rows('a');
    const drain = await rig.lane(new ScriptedSink('splunk', 10, busy()));
    const ended = rig.run(drain);
    await until(() => rig.clock.sleeping > 0, 'the lane backs off');
    await rig.stop();
    expect(await ended).toBeUndefined();
    expect(drain.status.cursor).toBe(0);
  });
});

describe('what a destination sends back', () => {
  it('is sent again alone, while the cursor waits before it', async () => {
    await rig.rows('a', 'b', 'c', 'd');
    const sink = new ScriptedSink(
      'splunk',
      10,
      sorts({ 2: 'retry', 4: 'retry' }),
      sorts({ 4: 'retry' }),
      accepts,
    );
    const drain = await rig.lane(sink);
    rig.run(drain);
    await until(() => rig.clock.sleeping > 0, 'the lane backs off');
    expect(await cursorOf('splunk')).toBe(1);
    expect(drain.status.counts.accepted).toBe(2);
    await rig.clock.advance(1_000);
    await until(() => drain.status.cursor === 3, 'the second is through');
    await rig.clock.advance(1_000);
    await until(() => drain.status.cursor === 4, 'the fourth is through');
    expect(sink.sent).toEqual([[1, 2, 3, 4], [2, 4], [4]]);
    expect(drain.status.counts.accepted).toBe(4);
  });

  it('is tried ever more slowly, and never given up', async () => {
    await rig.rows('a');
    const sink = new ScriptedSink('splunk', 10, busy());
    const drain = await rig.lane(sink);
    rig.run(drain);
    await until(() => rig.clock.sleeping > 0, 'the lane backs off');
    await rig.clock.advance(3_600_000);
    const waits = rig.clock.slept.filter((ms) => ms !== 1_000 || sink.sent.length === 1);
    expect(waits.slice(0, 7)).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 66_000, 66_000]);
    expect(sink.sent.length).toBeGreaterThan(50);
    expect(drain.status).toMatchObject({
      cursor: 0,
      trouble: 'server busy',
      counts: { rejected: 0, expired: 0 },
    });
    expect(await rig.journal.deadLetters()).toEqual([]);
  });

  it('waits as long as the destination asks for', async () => {
    await rig.rows('a');
    const sink = new ScriptedSink('splunk', 10, busy({ retryAfterMs: 90_000 }), accepts);
    const drain = await rig.lane(sink);
    rig.run(drain);
    await until(() => rig.clock.sleeping > 0, 'the lane backs off');
    await rig.clock.advance(89_999);
    expect(sink.sent).toHaveLength(1);
    await rig.clock.advance(1);
    await until(() => drain.status.cursor === 1, 'the row is through');
    expect(drain.status.trouble).toBeUndefined();
  });

  it('slows the lane down after a batch that was taken', async () => {
    await rig.rows('a', 'b');
    const slowly = (batch: Parameters<typeof accepts>[0]): Verdict => ({
      accepted: seqs(batch),
      rejected: [],
      expired: [],
      filtered: [],
      retry: [],
      slowDownMs: 5_000,
    });
    const sink = new ScriptedSink('splunk', 1, slowly, accepts);
    const drain = await rig.lane(sink);
    rig.run(drain);
    await until(() => rig.clock.slept.includes(5_000), 'the lane pauses');
    expect(drain.status.cursor).toBe(1);
    await rig.clock.advance(5_000);
    await until(() => drain.status.cursor === 2, 'the second is through');
  });
});

describe('what a destination will never take', () => {
  it('becomes a dead letter, is recorded expired or filtered, and holds nothing up', async () => {
    await rig.rows('a', 'b', 'c', 'd');
    const drain = await rig.lane(
      new ScriptedSink('splunk', 10, sorts({ 1: 'reject', 2: 'expire', 3: 'filter' })),
    );
    rig.run(drain);
    await until(() => drain.status.cursor === 4, 'all have an end');
    expect(drain.status.counts).toMatchObject({ accepted: 1, rejected: 1, expired: 1, filtered: 1 });
    expect(await rig.journal.deadLetters('splunk')).toMatchObject([
      { lane: 'splunk', seq: 1, recordId: 'a', eventId: 'a said', reason: 'field `time` is no number' },
    ]);
    const ends = await Promise.all([1, 2, 3, 4].map((seq) => rig.journal.deliveryOf(seq)));
    expect(ends.map(([end]) => end?.status)).toEqual(['rejected', 'expired', 'filtered', 'delivered']);
  });

  it('is counted once when it went with a batch that is retried', async () => {
    await rig.rows('a', 'b', 'c');
    const drain = await rig.lane(
      new ScriptedSink('splunk', 10, sorts({ 1: 'retry', 2: 'reject', 3: 'expire' }), accepts),
    );
    rig.run(drain);
    await until(() => rig.clock.sleeping > 0, 'the lane backs off');
    await rig.clock.advance(1_000);
    await until(() => drain.status.cursor === 3, 'all have an end');
    expect(drain.status.counts).toMatchObject({ accepted: 1, rejected: 1, expired: 1 });
    expect(await rig.journal.deadLetters()).toHaveLength(1);
  });

  it('is counted by number alone where the destination names none', async () => {
    await rig.rows('a', 'b', 'c');
    const unnamed = (batch: Parameters<typeof accepts>[0]): Verdict => ({
      accepted: seqs(batch),
      rejected: [],
      expired: [],
      filtered: [],
      retry: [],
      rejectedUnknown: { count: 2, message: 'two were too old' },
    });
    const drain = await rig.lane(new ScriptedSink('dynatrace', 10, unnamed));
    rig.run(drain);
    await until(() => drain.status.cursor === 3, 'all have an end');
    expect(drain.status.counts).toMatchObject({ accepted: 1, rejectedUnknown: 2 });
    expect(rig.logger.at('warn').map(({ fields }) => fields)).toMatchObject([
      { count: 2, reason: 'two were too old' },
    ]);
  });
});

describe('a held lane', () => {
  it('says so once, reads its secrets before each probe, and resumes without loss', async () => {
    await rig.rows('a', 'b');
    const sink = new ScriptedSink('splunk', 10, holds('the token is refused'));
    const drain = await rig.lane(sink);
    rig.run(drain);
    await until(() => drain.status.held !== undefined, 'the lane is held');
    await quiet();
    await rig.clock.advance(300_000);
    expect(sink.sent).toHaveLength(11);
    expect(sink.refreshed).toBe(10);
    expect(rig.logger.at('error')).toEqual([
      expect.objectContaining({
        fields: { lane: 'splunk', reason: 'the token is refused', triedEvery: '30s' },
      }),
    ]);
    expect((await rig.journal.lanes())[0]).toMatchObject({ heldReason: 'the token is refused', pending: 2 });
    sink.answerWith(accepts);
    await rig.clock.advance(30_000);
    await until(() => drain.status.cursor === 2, 'the lane has resumed');
    expect(drain.status).toMatchObject({ held: undefined, heldSinceMs: undefined, counts: { accepted: 2 } });
    expect((await rig.journal.lanes())[0]?.heldReason).toBeUndefined();
    expect(await rig.journal.deadLetters()).toEqual([]);
  });

  it('is told of by the next worker too, once, as it starts', async () => {
    await rig.rows('a');
    const first = await rig.lane(new ScriptedSink('splunk', 10, holds('the token is refused')));
    rig.run(first);
    await until(() => first.status.held !== undefined, 'the lane is held');
    await rig.stop();
    const next = await rig.lane(new ScriptedSink('splunk', 10, accepts));
    expect(next.status.held).toBe('the token is refused');
    expect(rig.logger.at('error')).toHaveLength(1);
    expect(rig.logger.at('warn')).toEqual([
      expect.objectContaining({ fields: { lane: 'splunk', reason: 'the token is refused' } }),
    ]);
  });

  it('says it anew when the reason is another one, and keeps the time since when', async () => {
    await rig.rows('a');
    const drain = await rig.lane(
      new ScriptedSink('splunk', 10, holds('the token is refused'), holds('the index is refused')),
    );
    rig.run(drain);
    const sinceMs = rig.clock.now();
    await until(() => rig.clock.sleeping > 0, 'the lane is held');
    await rig.clock.advance(30_000);
    await until(() => drain.status.held === 'the index is refused', 'the reason has changed');
    expect(rig.logger.at('error').map(({ fields }) => fields.reason)).toEqual([
      'the token is refused',
      'the index is refused',
    ]);
    expect(drain.status.heldSinceMs).toBe(sinceMs);
  });

  it('goes on probing when its secret file cannot be read', async () => {
    await rig.rows('a');
    const sink = new ScriptedSink('splunk', 10, holds('the token is refused'), accepts);
    sink.refreshFailure = new Error('hec.token: no such file');
    const drain = await rig.lane(sink);
    rig.run(drain);
    await until(() => rig.clock.sleeping > 0, 'the lane is held');
    await rig.clock.advance(30_000);
    await until(() => drain.status.cursor === 1, 'the row is through');
    expect(rig.logger.at('warn')).toHaveLength(1);
  });

  it('leaves another lane over the same journal alone', async () => {
    await rig.rows('a', 'b', 'c');
    const held = await rig.lane(new ScriptedSink('splunk', 10, holds('the token is refused')));
    const well = await rig.lane(new ScriptedSink('dynatrace', 10, accepts));
    rig.run(held);
    rig.run(well);
    await until(() => well.status.cursor === 3, 'the other lane has delivered');
    await until(() => held.status.held !== undefined, 'the first lane is held');
    expect(well.status).toMatchObject({ held: undefined, trouble: undefined, counts: { accepted: 3 } });
    expect([await cursorOf('splunk'), await cursorOf('dynatrace')]).toEqual([0, 3]);
  });
});

describe('batches under way together', () => {
  /** A sink whose answers the test gives, by the first row of the batch, in any order. */
  function slowSink(): { sink: ScriptedSink; answer: (firstSeq: number, with_: typeof accepts) => void } {
    const waiting = new Map<number, (with_: typeof accepts) => void>();
    const sink = new ScriptedSink('splunk', 1, (batch, signal) => {
      return new Promise<Verdict>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        waiting.set(seqs(batch)[0] ?? 0, async (with_) => resolve(await with_(batch, signal)));
      });
    });
    return { sink, answer: (firstSeq, with_) => waiting.get(firstSeq)?.(with_) };
  }

  it('move the cursor only over the acknowledged prefix', async () => {
    await rig.rows('a', 'b', 'c');
    const { sink, answer } = slowSink();
    const drain = await rig.lane(sink, { batchesInFlight: 3 });
    rig.run(drain);
    await until(() => sink.sent.length === 3, 'three batches are under way');
    answer(2, accepts);
    answer(3, accepts);
    await until(() => drain.status.counts.accepted === 2, 'the later two are acknowledged');
    expect(await cursorOf('splunk')).toBe(0);
    answer(1, accepts);
    await until(() => drain.status.cursor === 3, 'the prefix is whole');
    expect(await cursorOf('splunk')).toBe(3);
    expect(drain.status.counts.accepted).toBe(3);
  });

  it('that end at the same time move the cursor over both', async () => {
    await rig.rows('a', 'b');
    const { sink, answer } = slowSink();
    const drain = await rig.lane(sink, { batchesInFlight: 2 }, rig.slowlyAcknowledging());
    rig.run(drain);
    await until(() => sink.sent.length === 2, 'both are under way');
    answer(2, accepts);
    answer(1, accepts);
    await until(() => drain.status.counts.accepted === 2, 'both are acknowledged');
    expect(drain.status.cursor).toBe(2);
    expect(await cursorOf('splunk')).toBe(2);
  });

  it('are joined by new ones when a destination was busy once', async () => {
    await rig.rows('a', 'b', 'c', 'd');
    const { sink, answer } = slowSink();
    const drain = await rig.lane(sink, { batchesInFlight: 3 });
    rig.run(drain);
    await until(() => sink.sent.length === 3, 'three batches are under way');
    answer(1, busy());
    await until(() => drain.status.trouble !== undefined, 'the first is in trouble');
    answer(2, accepts);
    await until(() => sink.sent.length === 4, 'the next one is under way');
    expect(drain.status.trouble).toBe('server busy');
    expect(await cursorOf('splunk')).toBe(0);
  });

  it('are not joined by new ones once one of them was refused twice in a row', async () => {
    await rig.rows('a', 'b', 'c', 'd', 'e', 'f');
    const { sink, answer } = slowSink();
    const drain = await rig.lane(sink, { batchesInFlight: 3, firstRetryMs: 1 });
    rig.run(drain);
    await until(() => sink.sent.length === 3, 'three batches are under way');
    answer(1, busy());
    await until(() => drain.status.trouble !== undefined, 'the first is in trouble');
    await rig.clock.advance(5_000);
    await until(() => sink.sent.length === 4, 'the first is sent again');
    answer(1, busy());
    await quiet();
    answer(2, accepts);
    await until(() => drain.status.counts.accepted === 1, 'the second is acknowledged');
    await quiet();
    expect(sink.sent.map(([seq]) => seq)).toEqual([1, 2, 3, 1]);
  });

  it('of which one is slow do not pile up behind it for ever', async () => {
    await rig.rows(...Array.from({ length: 40 }, (_, n) => `row ${n}`));
    const { sink, answer } = slowSink();
    const drain = await rig.lane(sink, { batchesInFlight: 2 });
    rig.run(drain);
    for (let seq = 2; seq <= 40; seq += 1) {
      await quiet();
      answer(seq, accepts);
    }
    expect(sink.sent.length).toBeLessThan(20);
    expect(drain.status.cursor).toBe(0);
    answer(1, accepts);
    await until(() => drain.status.cursor > 10, 'the lane goes on');
  });

  it('hold the lane once; one of them probes it, and the others follow once it came back well', async () => {
    await rig.rows('a', 'b', 'c');
    const { sink, answer } = slowSink();
    const drain = await rig.lane(sink, { batchesInFlight: 3 });
    rig.run(drain);
    await until(() => sink.sent.length === 3, 'three batches are under way');
    for (const seq of [1, 2]) answer(seq, holds('the token is refused'));
    await until(() => drain.status.held !== undefined, 'the lane is held');
    answer(3, accepts);
    await until(() => drain.status.counts.accepted === 1, 'the third went through');
    expect(drain.status.held).toBe('the token is refused');
    await rig.clock.advance(29_999);
    expect(sink.sent).toHaveLength(3);
    await rig.clock.advance(1);
    await until(() => sink.sent.length === 4, 'one batch probes');
    const prober = sink.sent[3]?.[0] ?? 0;
    answer(prober, holds('the token is refused'));
    await quiet();
    await rig.clock.advance(30_000);
    await until(() => sink.sent.length === 5, 'the other one probes');
    const next = sink.sent[4]?.[0] ?? 0;
    expect(new Set([prober, next])).toEqual(new Set([1, 2]));
    answer(next, accepts);
    await until(() => sink.sent.length === 6, 'the first one goes on at once');
    answer(prober, accepts);
    await until(() => drain.status.cursor === 3, 'the lane has resumed');
    expect(drain.status.held).toBeUndefined();
    expect(sink.refreshed).toBe(2);
    expect(rig.logger.at('error')).toHaveLength(1);
    expect(rig.logger.at('info')).toHaveLength(1);
  });

  it('are not in memory while they wait for an answer: what is sent again is read again', async () => {
    await rig.rows('a', 'b', 'c');
    const reread: (readonly number[])[] = [];
    const journal = rig.journalWith({
      rowsAt: (seqs) => {
        reread.push(seqs);
        return rig.journal.rowsAt(seqs);
      },
    });
    const sink = new ScriptedSink('splunk', 10, sorts({ 1: 'retry', 3: 'retry' }), accepts);
    const drain = await rig.lane(sink, {}, journal);
    rig.run(drain);
    await until(() => rig.clock.sleeping > 0, 'the lane backs off');
    await rig.clock.advance(1_000);
    await until(() => drain.status.cursor === 3, 'all are through');
    expect(reread).toEqual([[1, 3]]);
    expect(sink.sent).toEqual([
      [1, 2, 3],
      [1, 3],
    ]);
  });
});

describe('our own trouble', () => {
  it('is said and tried again, and the rows are sent again', async () => {
    await rig.rows('a');
    const broken = () => {
      throw new Error('a bug');
    };
    const sink = new ScriptedSink('splunk', 10, broken, accepts);
    const drain = await rig.lane(sink);
    rig.run(drain);
    await until(() => drain.status.trouble === 'a bug', 'the trouble is known');
    await quiet();
    await rig.clock.advance(1_000);
    await until(() => drain.status.cursor === 1, 'the row is through');
    expect(rig.logger.at('error')).toHaveLength(1);
    expect(sink.sent).toEqual([[1], [1]]);
  });

  it('ends the lane when another worker has taken the journal over', async () => {
    await rig.rows('a');
    const drain = await rig.lane(new ScriptedSink('splunk', 10, accepts));
    await rig.files.takeOver();
    expect(await rig.run(drain)).toBeInstanceOf(FencedError);
    expect(drain.status.cursor).toBe(0);
  });
});
