import { describe, expect, it } from 'vitest';
import type { Journal, RecordQuery } from '../../src/model/journal.ts';
import {
  ack,
  commit,
  committed,
  ids,
  type JournalUnderTest,
  known,
  request,
  UNIT,
  withJournalOf,
} from './journal-commits.ts';
import { describeLanes } from './journal-lanes-contract.ts';
import { lane, metricRecord } from './journal-records.ts';

const BESIDE = 'logs:111122223333:eu-west-1:/aws/lambda/authorizer';
const ALL: RecordQuery = { limit: 100, revisions: 'all' };

/** Every promise of the Journal seam, for any implementation. */
export function describeJournal(name: string, create: () => Promise<JournalUnderTest>): void {
  const withJournal = withJournalOf(create);

  describe(`${name}: commits`, () => {
    it('starts empty', () =>
      withJournal(async (journal) => {
        expect(await journal.lastSeq()).toBe(0);
        expect(await journal.checkpoint(UNIT)).toBeUndefined();
        expect(await journal.query(ALL)).toEqual([]);
        expect(await journal.readStream('records', 0, 10)).toEqual([]);
      }));

    it('numbers rows without gaps in the order they were given', () =>
      withJournal(async (journal) => {
        const first = await committed(journal, [request('a'), request('b')]);
        const second = await committed(journal, [request('c')], { expectedVersion: first.version });
        expect([...first.entries, ...second.entries].map((entry) => entry.seq)).toEqual([1, 2, 3]);
        expect(await journal.lastSeq()).toBe(3);
      }));

    it('keeps records, checkpoint, seen keys, state, ledger and gaps of one commit together', () =>
      withJournal(async (journal, store) => {
        await committed(journal, [request('a')], everything());
        const reopened = await store.open();
        expect(ids(await reopened.query(ALL))).toEqual(['a']);
        expect(await reopened.checkpoint(UNIT)).toEqual({
          unit: UNIT,
          readThroughMs: 60_000,
          version: 1,
          rereads: [{ fromMs: 0, toMs: 60_000, dueMs: 360_000, pass: 1 }],
        });
        expect(await known(reopened.seenIn(UNIT, 0, 60_000), 'stream\n1', 'stream\n2')).toEqual([
          'stream\n1',
        ]);
        expect(await reopened.state('pending', ['k'])).toEqual(new Map([['k', 'v']]));
        expect(await reopened.ledger(0, 60_000)).toEqual([everything().ledger]);
        expect(await reopened.gaps()).toEqual(everything().gaps);
      }));

    it('writes nothing at all when a part of the commit cannot be written', () =>
      withJournal(async (journal) => {
        const broken = { ...request('b'), eventMs: Number.NaN };
        await expect(
          journal.commitWindow(commit(journal, [request('a'), broken], everything())),
        ).rejects.toThrow();
        expect(await journal.lastSeq()).toBe(0);
        expect(await journal.checkpoint(UNIT)).toBeUndefined();
        expect((await journal.seenIn(UNIT, 0, 60_000)).size).toBe(0);
        expect(await journal.state('pending', ['k'])).toEqual(new Map());
        const retried = await committed(journal, [request('a')]);
        expect(retried.entries.map((entry) => entry.seq)).toEqual([1]);
        expect(ids(await journal.query({ ...ALL, outcome: 'matched' }))).toEqual(['a']);
      }));

    it('keeps the position of a unit when a commit brings no new checkpoint', () =>
      withJournal(async (journal) => {
        const slice = await journal.commitWindow(commit(journal, [request('a')]));
        expect(slice).toMatchObject({ kind: 'committed', version: 0 });
        expect(await journal.checkpoint(UNIT)).toBeUndefined();
        const { version } = await committed(journal, [request('b')]);
        const later = await journal.commitWindow({
          ...commit(journal, [request('c')]),
          expectedVersion: version,
        });
        expect(later).toMatchObject({ kind: 'committed', version: version + 1 });
        expect(await journal.checkpoint(UNIT)).toMatchObject({ readThroughMs: 60_000, version: version + 1 });
      }));

    it('fences a commit that expects another version and writes nothing of it', () =>
      withJournal(async (journal) => {
        const { version } = await committed(journal, [request('a')]);
        const stale = await journal.commitWindow({
          ...commit(journal, [request('b')]),
          expectedVersion: version - 1,
        });
        expect(stale.kind).toBe('fenced');
        expect(ids(await journal.query(ALL))).toEqual(['a']);
      }));

    it('keeps what several units bring in one commit, each with its own position, keys and counts', () =>
      withJournal(async (journal, store) => {
        await committed(journal, [request('a')]);
        const beside = [{ ...besides(), expectedVersion: 0 }];
        const both = { ...commit(journal, [request('b')], everything()), expectedVersion: 1, beside };
        expect(await journal.commitWindow(both)).toMatchObject({
          kind: 'committed',
          version: 2,
          besideVersions: [1],
        });
        const reopened = await store.open();
        expect(ids(await reopened.query(ALL)).toSorted()).toEqual(['a', 'b']);
        expect(await reopened.checkpoint(UNIT)).toMatchObject({ readThroughMs: 60_000, version: 2 });
        expect(await reopened.checkpoint(BESIDE)).toMatchObject({ readThroughMs: 50_000, version: 1 });
        expect(await known(reopened.seenIn(UNIT, 0, 60_000), 'stream\n1', 'stream\n2')).toEqual([
          'stream\n1',
        ]);
        expect(await known(reopened.seenIn(BESIDE, 0, 60_000), 'stream\n1', 'stream\n2')).toEqual([
          'stream\n2',
        ]);
        expect(await reopened.ledger(0, 60_000)).toEqual([everything().ledger, besides().ledger]);
      }));

    it('fences the whole commit when one of its units has moved on, and writes nothing of any', () =>
      withJournal(async (journal) => {
        await committed(journal, [request('a')]);
        for (const [mine, theirs] of [
          [1, 1],
          [0, 0],
        ] as const) {
          const beside = [{ ...besides(), expectedVersion: theirs }];
          const stale = { ...commit(journal, [request('b')], everything()), expectedVersion: mine, beside };
          expect((await journal.commitWindow(stale)).kind).toBe('fenced');
        }
        expect(ids(await journal.query(ALL))).toEqual(['a']);
        expect(await journal.checkpoint(UNIT)).toMatchObject({ version: 1 });
        expect(await journal.checkpoint(BESIDE)).toBeUndefined();
        expect((await journal.seenIn(UNIT, 0, 60_000)).size).toBe(0);
        expect((await journal.seenIn(BESIDE, 0, 60_000)).size).toBe(0);
      }));

    it('fences the older of two writers in commits, acknowledgements and lease renewal', () =>
      withJournal(async (older, store) => {
        await older.lane(lane('splunk'));
        const newer = await store.open();
        expect(newer.epoch).toBeGreaterThan(older.epoch);
        expect((await older.commitWindow(commit(older, [request('a')]))).kind).toBe('fenced');
        expect(await older.ackLane(ack(older, 'splunk', 5))).toBe('fenced');
        expect(await older.renewLease()).toBe('fenced');
        await committed(newer, [request('b')]);
        expect(ids(await newer.query(ALL))).toEqual(['b']);
        expect((await newer.lanes())[0]?.cursor).toBe(0);
      }));
  });

  describe(`${name}: revisions`, () => {
    it('counts revisions of one record from 0 and stores each number in the body', () =>
      withJournal(async (journal) => {
        const records = [request('a', { eventId: 'e0' }), request('a', { eventId: 'e1' })];
        const first = await committed(journal, records);
        const next = await committed(journal, [request('a', { eventId: 'e2' })], {
          expectedVersion: first.version,
        });
        const entries = [...first.entries, ...next.entries];
        expect(entries.map((entry) => entry.revision)).toEqual([0, 1, 2]);
        expect(entries.map((entry) => entry.record.revision)).toEqual([0, 1, 2]);
        expect(entries.map((entry) => JSON.parse(entry.body).revision)).toEqual([0, 1, 2]);
      }));

    it('leaves out content that is already the newest revision, within a commit and later', () =>
      withJournal(async (journal) => {
        const first = await committed(journal, [request('a'), request('a')]);
        const again = await committed(journal, [request('a')], { expectedVersion: first.version });
        expect([first.entries.length, first.repeated]).toEqual([1, 1]);
        expect([again.entries.length, again.repeated]).toEqual([0, 1]);
        expect(await journal.lastSeq()).toBe(1);
      }));

    it('stores content that returns after another one as a new revision', () =>
      withJournal(async (journal) => {
        const contents = ['e0', 'e1', 'e0'].map((eventId) => request('a', { eventId }));
        expect((await committed(journal, contents)).entries.map((entry) => entry.revision)).toEqual([
          0, 1, 2,
        ]);
      }));

    it('gives content that returns an id of its own, and the same when it is said again', () =>
      withJournal(async (journal) => {
        const [a, b] = [request('a', { eventId: 'A' }), request('a', { eventId: 'B', status: 500 })];
        let expectedVersion = 0;
        const idsOf = async (...contents: (typeof a)[]) => {
          const { entries, version } = await committed(journal, contents, { expectedVersion });
          expectedVersion = version;
          return entries.map(({ eventId, record, body }) => {
            expect([record.eventId, JSON.parse(body).eventId]).toEqual([eventId, eventId]);
            return eventId;
          });
        };
        const told = [...(await idsOf(a, b, a, b)), ...(await idsOf(a))];
        expect(told.slice(0, 2)).toEqual(['A', 'B']);
        expect(new Set(told).size).toBe(5);
        expect(await idsOf(a, a)).toEqual([]);
        expect((await journal.bodies(['a'])).get('a')).toMatchObject({ revision: 4, eventId: told[4] });
      }));

    it('names and returns the newest revision of each id that is stored', () =>
      withJournal(async (journal, store) => {
        await committed(journal, [
          request('a'),
          request('b'),
          request('a', { eventId: 'newer', status: 500 }),
        ]);
        const expected = new Map([
          ['a', { eventId: 'newer', revision: 1 }],
          ['b', { eventId: 'event of b', revision: 0 }],
        ]);
        for (const reading of [journal, await store.open()]) {
          expect(await reading.latest(['a', 'b', 'c'])).toEqual(expected);
          const bodies = await reading.bodies(['a', 'c']);
          expect([...bodies.keys()]).toEqual(['a']);
          expect(bodies.get('a')).toMatchObject({ eventId: 'newer', revision: 1, status: 500 });
        }
      }));
  });

  describe(`${name}: reading`, () => {
    it('reads each stream in order from where the reader stands, also after reopening', () =>
      withJournal(async (journal, store) => {
        await committed(journal, [
          request('a'),
          metricRecord('m1'),
          request('b'),
          metricRecord('m2'),
          request('c'),
        ]);
        for (const reading of [journal, await store.open()]) {
          expect(ids(await reading.readStream('records', 0, 2))).toEqual(['a', 'b']);
          expect(ids(await reading.readStream('records', 3, 10))).toEqual(['c']);
          expect(ids(await reading.readStream('metrics', 0, 10))).toEqual(['m1', 'm2']);
          expect(ids(await reading.readStream('metrics', 4, 10))).toEqual([]);
          expect(ids(await reading.readStream('alarms', 0, 10))).toEqual([]);
        }
      }));

    it('hands back after reopening the same rows that the commit returned', () =>
      withJournal(async (journal, store) => {
        const hostile = request('a', {
          userAgent: 'lone \ud800 surrogate, "quotes", \u0000 and \u2028',
          other: { b: '2', a: '1' },
        });
        const { entries } = await committed(journal, [hostile, metricRecord('m')]);
        const reopened = await store.open();
        const read = [
          ...(await reopened.readStream('records', 0, 9)),
          ...(await reopened.readStream('metrics', 0, 9)),
        ];
        expect(read.map(plain)).toEqual(entries.map(plain));
        expect(read[0]?.record).toEqual(hostile);
      }));

    it.each<[string, Partial<RecordQuery>, readonly string[]]>([
      ['record id', { recordId: 'b' }, ['b']],
      ['event id', { eventId: 'event of c' }, ['c']],
      ['one of several customers', { customer: ['C-1', 'psn_k2_C-1'] }, ['d', 'a']],
      ['principal', { principal: ['P-2'] }, ['b']],
      ['API id', { api: 'pay123' }, ['d']],
      ['API name', { api: 'payments' }, ['d']],
      ['stage', { stage: 'test' }, ['b']],
      ['decision', { decision: 'deny' }, ['c']],
      ['outcome', { outcome: 'cached_decision' }, ['d']],
      ['time, its end exclusive', { fromMs: 2_000, toMs: 4_000 }, ['c', 'b']],
      ['customer and decision', { customer: ['C-1'], decision: 'deny' }, []],
      ['customer and time', { customer: ['C-1', 'psn_k2_C-1'], fromMs: 3_000 }, ['d']],
      ['a limit, newest first', { limit: 2 }, ['d', 'c']],
      ['stream', { stream: 'records', limit: 1 }, ['d']],
      ['a stream without rows', { stream: 'metrics' }, []],
      ['something nobody has', { customer: ['C-9'] }, []],
    ])('finds records by %s', (_what, query, expected) =>
      withJournal(async (journal) => {
        await committed(journal, [
          request('a', { eventMs: 1_000, customer: 'C-1', principal: 'P-1' }),
          request('b', { eventMs: 2_000, customer: 'C-2', principal: 'P-2', stage: 'test' }),
          request('c', { eventMs: 3_000, customer: 'C-2', decision: 'deny' }),
          request('d', {
            eventMs: 4_000,
            customer: 'psn_k2_C-1',
            apiId: 'pay123',
            apiName: 'payments',
            outcome: 'cached_decision',
          }),
        ]);
        expect(ids(await journal.query({ ...ALL, ...query }))).toEqual(expected);
      }),
    );

    it('answers with newest revisions only, judged by what they say, unless all are asked for', () =>
      withJournal(async (journal) => {
        const before = request('a', { eventId: 'e0', customer: 'unknown' });
        const after = request('a', { eventId: 'e1', customer: 'C-1' });
        await committed(journal, [before, after]);
        const find = async (customer: string, revisions: RecordQuery['revisions']) =>
          (await journal.query({ customer: [customer], limit: 10, revisions })).map((entry) => entry.eventId);
        expect(await find('unknown', 'latest')).toEqual([]);
        expect(await find('C-1', 'latest')).toEqual(['e1']);
        expect(await find('unknown', 'all')).toEqual(['e0']);
      }));
  });

  describe(`${name}: seen keys and state`, () => {
    it('tells the source events of one unit from those of another, also after reopening', () =>
      withJournal(async (journal, store) => {
        await committed(journal, [], { seen: [{ atMs: 1_000, key: 'k1' }] });
        const other = { ...commit(journal, []), unit: 'other', seen: [{ atMs: 1_000, key: 'k2' }] };
        await journal.commitWindow(other);
        for (const reading of [journal, await store.open()]) {
          expect(await known(reading.seenIn(UNIT, 0, 5_000), 'k1', 'k2')).toEqual(['k1']);
          expect(await known(reading.seenIn('other', 0, 5_000), 'k1', 'k2')).toEqual(['k2']);
          expect((await reading.seenIn(UNIT, 86_400_000, 86_405_000)).size).toBe(0);
        }
      }));

    it('finds keys over any span of time, those of later commits included', () =>
      withJournal(async (journal) => {
        const seen = [0, 299_999, 300_000, 900_000].map((atMs) => ({ atMs, key: `at ${atMs}` }));
        const { version } = await committed(journal, [], { seen });
        const keys = seen.map(({ key }) => key);
        expect(await known(journal.seenIn(UNIT, 0, 900_000), ...keys)).toEqual(keys);
        await committed(journal, [], { seen: [{ atMs: 1, key: 'late' }], expectedVersion: version });
        const now = await journal.seenIn(UNIT, 0, 900_000);
        expect([now.has('late'), now.has('at 300000'), now.has('never'), now.size]).toEqual([
          true,
          true,
          false,
          5,
        ]);
      }));

    it('replaces and deletes state by kind and key', () =>
      withJournal(async (journal) => {
        const put = (key: string, body: string | null) => ({ kind: 'pending', key, body, expiresMs: 0 });
        const first = await committed(journal, [], { state: [put('a', '1'), put('b', '2'), put('', '3')] });
        const state = [put('a', null), put('b', '4'), { ...put('a', '5'), kind: 'decision' }];
        await committed(journal, [], { state, expectedVersion: first.version });
        expect(await journal.state('pending', ['a', 'b', '', 'c'])).toEqual(
          new Map([
            ['b', '4'],
            ['', '3'],
          ]),
        );
        const rows = [];
        for await (const row of journal.allState('pending')) rows.push(row);
        expect(rows).toEqual([
          { kind: 'pending', key: '', body: '3', expiresMs: 0 },
          { kind: 'pending', key: 'b', body: '4', expiresMs: 0 },
        ]);
      }));

    it('lists the state of a kind whose keys begin alike, and no other', () =>
      withJournal(async (journal) => {
        const keys = ['a', 'a\n1', 'a\n2', 'a\u00ff', 'b', 'b\n1'];
        const state = keys.map((key) => ({ kind: 's', key, body: '1', expiresMs: 0 }));
        await committed(journal, [], {
          state: [...state, { kind: 't', key: 'a\n3', body: '1', expiresMs: 0 }],
        });
        const found = [];
        for await (const { key } of journal.allState('s', 'a\n')) found.push(key);
        expect(found).toEqual(['a\n1', 'a\n2']);
        const rest = [];
        for await (const { key } of journal.allState('s', 'a\n', 'a\n2')) rest.push(key);
        expect(rest).toEqual(['a\n2']);
      }));

    it('forgets expired state and old seen keys when told to, and nothing else', () =>
      withJournal(async (journal) => {
        const state = [0, 5_000, 9_000].map((expiresMs) => ({
          kind: 's',
          key: `${expiresMs}`,
          body: 'x',
          expiresMs,
        }));
        const seen = [0, 7_200_000].map((atMs) => ({ atMs, key: `at ${atMs}` }));
        await committed(journal, [request('a')], { state, seen });
        await journal.prune(5_000, 3_600_000);
        await journal.prune(5_000, 3_600_000);
        expect([...(await journal.state('s', ['0', '5000', '9000'])).keys()]).toEqual(['0', '9000']);
        expect(await known(journal.seenIn(UNIT, 0, 7_200_000), 'at 0', 'at 7200000')).toEqual(['at 7200000']);
        expect(ids(await journal.query(ALL))).toEqual(['a']);
      }));
  });

  describeLanes(name, create);
}

/** What another unit brings along in the same commit. */
function besides() {
  const window = { fromMs: 0, toMs: 50_000 };
  const counts = { read: 1, seen: 1, stored: 1, quarantined: 0, filtered: 0, unparsed: 0 };
  return {
    unit: BESIDE,
    seen: [{ atMs: 40_000, key: 'stream\n2' }],
    ledger: { unit: BESIDE, window, ...counts },
    nextCheckpoint: { readThroughMs: 50_000, rereads: [] },
  };
}

function everything() {
  return {
    nextCheckpoint: {
      readThroughMs: 60_000,
      rereads: [{ fromMs: 0, toMs: 60_000, dueMs: 360_000, pass: 1 }],
    },
    seen: [{ atMs: 30_000, key: 'stream\n1' }],
    state: [{ kind: 'pending', key: 'k', body: 'v', expiresMs: 0 }],
    ledger: {
      unit: UNIT,
      window: { fromMs: 0, toMs: 60_000 },
      read: 6,
      seen: 5,
      stored: 3,
      quarantined: 1,
      filtered: 1,
      unparsed: 0,
    },
    gaps: [{ unit: UNIT, fromMs: 5, toMs: 6, reason: 'no longer in CloudWatch', recordedMs: 7 }],
  };
}

function plain(entry: Awaited<ReturnType<Journal['query']>>[number]) {
  const { seq, stream, recordId, eventId, revision, eventMs, body, record } = entry;
  return { seq, stream, recordId, eventId, revision, eventMs, body, record };
}
