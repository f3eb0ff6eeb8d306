import { describe, expect, it } from 'vitest';
import type { Journal, LaneId } from '../../src/model/journal.ts';
import {
  ack,
  committed,
  ids,
  type JournalUnderTest,
  NO_COUNTS,
  request,
  withJournalOf,
} from './journal-commits.ts';
import { lane, metricRecord } from './journal-records.ts';

/** What the Journal seam promises of lanes, for any implementation. */
export function describeLanes(name: string, create: () => Promise<JournalUnderTest>): void {
  const withJournal = withJournalOf(create);

  describe(`${name}: lanes`, () => {
    it('starts a lane before the first row and keeps what was acknowledged', () =>
      withJournal(async (journal, store) => {
        await committed(journal, [request('a', { eventMs: 5_000 }), request('b', { eventMs: 4_000 })]);
        expect(await journal.lane(lane('splunk'))).toEqual({
          lane: 'splunk',
          class: 'live',
          cursor: 0,
          throughMs: 0,
          pending: 2,
          oldestPendingMs: 4_000,
          ...NO_COUNTS,
        });
        const counts = { accepted: 1, rejected: 0, rejectedUnknown: 1, expired: 0, filtered: 1 };
        expect(await journal.ackLane({ ...ack(journal, 'splunk', 2), counts })).toBe('acknowledged');
        const reopened = await store.open();
        expect(await reopened.lane(lane('splunk'))).toEqual({
          lane: 'splunk',
          class: 'live',
          cursor: 2,
          throughMs: 5_000,
          pending: 0,
          ...counts,
        });
      }));

    it('never moves a cursor back, and adds up counts', () =>
      withJournal(async (journal) => {
        await committed(
          journal,
          ['a', 'b', 'c'].map((id) => request(id)),
        );
        await journal.lane(lane('splunk'));
        const counts = { ...NO_COUNTS, accepted: 2 };
        await journal.ackLane({ ...ack(journal, 'splunk', 3), counts });
        await journal.ackLane({ ...ack(journal, 'splunk', 1), counts });
        expect(await journal.lanes()).toMatchObject([{ cursor: 3, accepted: 4, pending: 0 }]);
      }));

    it('counts only rows of its own stream as pending', () =>
      withJournal(async (journal) => {
        await committed(journal, [request('a'), metricRecord('m'), request('b'), request('c')]);
        await journal.lane({ ...lane('metrics lane'), stream: 'metrics' });
        await journal.lane(lane('splunk'));
        await journal.ackLane(ack(journal, 'splunk', 3));
        const pending = new Map((await journal.lanes()).map((state) => [state.lane, state.pending]));
        expect(pending).toEqual(
          new Map([
            ['metrics lane', 1],
            ['splunk', 1],
          ]),
        );
      }));

    it('refuses an acknowledgement of a lane nobody opened', () =>
      withJournal(async (journal) => {
        await expect(journal.ackLane(ack(journal, 'splunk', 1))).rejects.toThrow('splunk');
      }));

    it('keeps dead letters with their reason, once per row and lane', () =>
      withJournal(async (journal) => {
        await committed(journal, [request('a')]);
        await journal.lane(lane('splunk'));
        await journal.lane(lane('other'));
        const letter = {
          lane: 'splunk',
          seq: 1,
          recordId: 'a',
          eventId: 'event of a',
          reason: 'too large',
          atMs: 9,
        };
        await journal.ackLane({ ...ack(journal, 'splunk', 1), deadLetters: [letter] });
        await journal.ackLane({ ...ack(journal, 'splunk', 1), deadLetters: [letter] });
        const stored = { ...letter, status: 'refused', attempts: 1 };
        expect(await journal.deadLetters()).toEqual([stored]);
        expect(await journal.deadLetters('splunk')).toEqual([stored]);
        expect(await journal.deadLetters('other')).toEqual([]);
      }));

    it('tells what became of one row in each lane', () =>
      withJournal(async (journal) => {
        await committed(
          journal,
          ['a', 'b', 'c', 'd', 'e'].map((id) => request(id)),
        );
        await journal.lane(lane('splunk'));
        await journal.lane(lane('dynatrace'));
        await journal.setLaneHeld('dynatrace', 'wrong token');
        const letter = {
          lane: 'splunk',
          seq: 2,
          recordId: 'b',
          eventId: 'event of b',
          reason: 'bad time',
          atMs: 9,
        };
        await journal.ackLane({
          ...ack(journal, 'splunk', 4),
          deadLetters: [letter],
          expired: [{ seq: 3, reason: 'older than 24 h' }],
          filtered: [4],
        });
        const story = async (seq: number) => {
          const splunk = (await journal.deliveryOf(seq)).find((one) => one.lane === 'splunk');
          return [splunk?.status, splunk?.reason];
        };
        expect(await story(1)).toEqual(['delivered', undefined]);
        expect(await story(2)).toEqual(['rejected', 'bad time']);
        expect(await story(3)).toEqual(['expired', 'older than 24 h']);
        expect((await story(4))[0]).toBe('filtered');
        expect(await story(5)).toEqual(['pending', undefined]);
        expect((await journal.deliveryOf(1))[0]).toEqual({
          lane: 'dynatrace',
          status: 'pending',
          reason: 'wrong token',
        });
      }));

    it('gives live and backfill lanes their own rows, and a replay those of both', () =>
      withJournal(async (journal, store) => {
        await committed(journal, mixed().records, { backfilled: mixed().backfilled });
        for (const reading of [journal, await store.open()]) {
          const rowsOf = async (type: LaneId['class'], after = 0, limit = 10) =>
            ids(await reading.readLane({ ...lane('any'), class: type }, after, limit));
          expect(await rowsOf('live')).toEqual(['new 1', 'new 2', 'new 3']);
          expect(await rowsOf('live', 1, 1)).toEqual(['new 2']);
          expect(await rowsOf('backfill')).toEqual(['old 1', 'old 2']);
          expect(await rowsOf('backfill', 3)).toEqual(['old 2']);
          expect(await rowsOf('replay')).toEqual(['new 1', 'old 1', 'new 2', 'old 2', 'new 3']);
          expect(ids(await reading.readStream('records', 0, 10))).toHaveLength(5);
        }
      }));

    it('counts as pending, as oldest and as passed only the rows of a lane’s own class', () =>
      withJournal(async (journal) => {
        await committed(journal, mixed().records, { backfilled: mixed().backfilled });
        await journal.lane(lane('live'));
        await journal.lane({ ...lane('old'), class: 'backfill' });
        await journal.lane({ ...lane('again'), class: 'replay' });
        const told = async () => {
          const lanes = (await journal.lanes()).map((state) => {
            return [state.lane, state.class, state.pending, state.oldestPendingMs, state.throughMs];
          });
          return lanes.sort();
        };
        expect(await told()).toEqual([
          ['again', 'replay', 0, undefined, 0],
          ['live', 'live', 3, 5_000, 0],
          ['old', 'backfill', 2, 1_000, 0],
        ]);
        await journal.ackLane(ack(journal, 'live', 3));
        await journal.ackLane(ack(journal, 'old', 4));
        expect(await told()).toEqual([
          ['again', 'replay', 0, undefined, 0],
          ['live', 'live', 1, 9_000, 6_000],
          ['old', 'backfill', 0, undefined, 2_000],
        ]);
      }));

    it('tells the story of a row by the lanes of its class', () =>
      withJournal(async (journal) => {
        await committed(journal, mixed().records, { backfilled: mixed().backfilled });
        await journal.lane(lane('live'));
        await journal.lane({ ...lane('old'), class: 'backfill' });
        await journal.lane({ ...lane('again'), class: 'replay' });
        const lanesOf = async (seq: number) => (await journal.deliveryOf(seq)).map((one) => one.lane);
        expect(await lanesOf(1)).toEqual(['live']);
        expect(await lanesOf(2)).toEqual(['old']);
      }));

    it('reads a span of event time between two sequence numbers, and single rows', () =>
      withJournal(async (journal, store) => {
        await committed(journal, [...mixed().records, metricRecord('m')]);
        for (const reading of [journal, await store.open()]) {
          const span = { stream: 'records', fromMs: 2_000, toMs: 9_000, afterSeq: 0, throughSeq: 9 } as const;
          expect(ids(await reading.readSpan(span, 10))).toEqual(['new 1', 'new 2', 'old 2']);
          expect(ids(await reading.readSpan(span, 2))).toEqual(['new 1', 'new 2']);
          expect(ids(await reading.readSpan({ ...span, afterSeq: 1 }, 10))).toEqual(['new 2', 'old 2']);
          expect(ids(await reading.readSpan({ ...span, throughSeq: 3 }, 10))).toEqual(['new 1', 'new 2']);
          expect(ids(await reading.rowsAt([4, 99, 1]))).toEqual(['new 1', 'old 2']);
        }
      }));

    it('keeps a dead letter that a retry delivered or refused again, with what came of it', () =>
      withJournal(async (journal, store) => {
        await withDeadLetters(journal);
        await journal.lane({ ...lane('again'), class: 'replay' });
        const letters = [
          { lane: 'splunk', seq: 1 },
          { lane: 'splunk', seq: 2, refused: 'still bad' },
        ];
        await journal.ackLane({
          ...ack(journal, 'again', 2),
          retried: { order: 'order 1', letters },
          nowMs: 50,
        });
        const reopened = await store.open();
        expect(await reopened.deadLetters()).toMatchObject([
          { seq: 1, status: 'delivered', attempts: 2, reason: 'bad', ended: { atMs: 50, order: 'order 1' } },
          { seq: 2, status: 'refused', attempts: 2, reason: 'still bad', atMs: 50 },
          { seq: 3, status: 'refused', attempts: 1, reason: 'bad', atMs: 30 },
        ]);
        expect(await reopened.deliveryOf(1)).toEqual([
          { lane: 'splunk', status: 'delivered', reason: 'when it was tried again; at first: bad' },
        ]);
        expect(await reopened.deliveryOf(2)).toEqual([
          { lane: 'splunk', status: 'rejected', reason: 'still bad' },
        ]);
      }));

    it('keeps dead letters that were dropped, with the reason, and drops no others', () =>
      withJournal(async (journal, store) => {
        await withDeadLetters(journal);
        const drop = { order: 'order 1', reason: 'test traffic', nowMs: 50 };
        expect(await journal.dropDeadLetters({ lane: 'other', untilMs: 99 }, drop)).toBe(0);
        expect(await journal.dropDeadLetters({ lane: 'splunk', seq: 3, untilMs: 29 }, drop)).toBe(0);
        expect(await journal.dropDeadLetters({ lane: 'splunk', seq: 1, untilMs: 99 }, drop)).toBe(1);
        expect(await journal.dropDeadLetters({ lane: 'splunk', untilMs: 20 }, drop)).toBe(1);
        const reopened = await store.open();
        expect(await journal.dropDeadLetters({ lane: 'splunk', untilMs: 99 }, drop)).toBe('fenced');
        const ended = { atMs: 50, order: 'order 1', note: 'test traffic' };
        expect(await reopened.deadLetters()).toMatchObject([
          { seq: 1, status: 'dropped', ended },
          { seq: 2, status: 'dropped', ended },
          { seq: 3, status: 'refused' },
        ]);
        expect(await reopened.deliveryOf(1)).toEqual([
          { lane: 'splunk', status: 'dropped', reason: 'test traffic; refused: bad' },
        ]);
      }));

    it('remembers why a lane is held until it is released', () =>
      withJournal(async (journal, store) => {
        await journal.lane(lane('splunk'));
        await journal.setLaneHeld('splunk', 'wrong token');
        const reopened = await store.open();
        expect((await reopened.lane(lane('splunk'))).heldReason).toBe('wrong token');
        await reopened.setLaneHeld('splunk', undefined);
        expect(await reopened.lane(lane('splunk'))).not.toHaveProperty('heldReason');
      }));
  });
}

/** Three rows of live reading between two of a backfill. */
function mixed() {
  const records = [
    request('new 1', { eventMs: 5_000 }),
    request('old 1', { eventMs: 1_000 }),
    request('new 2', { eventMs: 6_000 }),
    request('old 2', { eventMs: 2_000 }),
    request('new 3', { eventMs: 9_000 }),
  ];
  return { records, backfilled: new Set(['old 1', 'old 2']) };
}

/** A lane that was refused all three of its rows, at 10, 20 and 30 ms. */
async function withDeadLetters(journal: Journal): Promise<void> {
  const records = ['a', 'b', 'c'].map((id) => request(id));
  await committed(journal, records);
  await journal.lane(lane('splunk'));
  const deadLetters = records.map(({ recordId, eventId }, index) => {
    return { lane: 'splunk', seq: index + 1, recordId, eventId, reason: 'bad', atMs: (index + 1) * 10 };
  });
  await journal.ackLane({ ...ack(journal, 'splunk', 3), deadLetters });
}
