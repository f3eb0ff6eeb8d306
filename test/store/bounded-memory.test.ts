import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import type { JournalEntry, StreamName } from '../../src/model/journal.ts';
import { mergeNewestFirst } from '../../src/store/merge-newest-first.ts';
import { RecentEntries, weightOf } from '../../src/store/recent-entries.ts';
import { RowsReadBack } from '../../src/store/rows-read-back.ts';
import { migrate } from '../../src/store/schema.ts';
import { SeenKeys } from '../../src/store/seen-keys.ts';
import { StandingCursors } from '../../src/store/standing-cursors.ts';
import { nthRecord } from './commits.ts';

function entry(seq: number, stream: StreamName = 'records', body = 'x'.repeat(10)): JournalEntry {
  const record = nthRecord(seq);
  const { recordId, eventId, revision, eventMs } = record;
  return { seq, stream, recordId, eventId, revision, eventMs, body, record };
}

function seqs(entries: readonly JournalEntry[] | undefined): readonly number[] | undefined {
  return entries?.map(({ seq }) => seq);
}

describe('recent entries', () => {
  it('keep the newest within their bound and say when older ones are needed', () => {
    const recent = new RecentEntries(3 * weightOf(entry(1)) + 2);
    expect(recent.read({ stream: 'records', afterSeq: 0, limit: 10 })).toBeUndefined();
    recent.append([1, 2, 3, 4, 5].map((seq) => entry(seq)));
    expect(recent.read({ stream: 'records', afterSeq: 1, limit: 10 })).toBeUndefined();
    expect(seqs(recent.read({ stream: 'records', afterSeq: 2, limit: 10 }))).toEqual([3, 4, 5]);
    expect(seqs(recent.read({ stream: 'records', afterSeq: 2, limit: 2 }))).toEqual([3, 4]);
    expect(seqs(recent.read({ stream: 'records', afterSeq: 5, limit: 10 }))).toEqual([]);
    recent.append([entry(6, 'records', 'x'.repeat(10 + Math.ceil(weightOf(entry(1)) / 3)))]);
    expect(recent.read({ stream: 'records', afterSeq: 3, limit: 10 })).toBeUndefined();
    expect(seqs(recent.read({ stream: 'records', afterSeq: 4, limit: 10 }))).toEqual([5, 6]);
  });

  it('hold an entry larger than the bound not at all, and go on after it', () => {
    const recent = new RecentEntries(weightOf(entry(1)));
    recent.append([entry(1), entry(2, 'records', 'x'.repeat(200))]);
    expect(recent.read({ stream: 'records', afterSeq: 0, limit: 10 })).toBeUndefined();
    recent.append([entry(3)]);
    expect(recent.read({ stream: 'records', afterSeq: 1, limit: 10 })).toBeUndefined();
    expect(seqs(recent.read({ stream: 'records', afterSeq: 2, limit: 10 }))).toEqual([3]);
  });

  it('let go of what every lane has delivered, by stream and origin, but for the newest', () => {
    const recent = new RecentEntries(100 * weightOf(entry(1)));
    const cursors = new StandingCursors();
    const deliveredTo = (lane: string, cursor: number) => {
      cursors.moved(lane, cursor);
      recent.forget(({ stream, seq }, origin) => cursors.isDelivered(stream, origin, seq));
      return [1, 2, 3, 4, 5, 6].filter((seq) => recent.at(seq) !== undefined);
    };
    for (const sink of ['a', 'b'])
      for (const type of ['live', 'backfill', 'replay'] as const)
        cursors.open({ name: `${sink}/${type}`, sink, stream: 'records', class: type }, 0);
    const rows = [1, 2, 3, 4, 5, 6].map((seq) => entry(seq, seq === 2 ? 'metrics' : 'records'));
    recent.append(rows, new Set([rows[3]?.recordId ?? '']));
    expect(deliveredTo('a/live', 6)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(deliveredTo('b/replay', 6)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(deliveredTo('b/live', 3)).toEqual([4, 5, 6]);
    expect(deliveredTo('b/live', 6)).toEqual([4, 5, 6]);
    expect(deliveredTo('a/backfill', 4)).toEqual([4, 5, 6]);
    expect(deliveredTo('b/backfill', 4)).toEqual([6]);
    expect(recent.read({ stream: 'records', afterSeq: 6, limit: 10 })).toEqual([]);
    expect(recent.read({ stream: 'records', afterSeq: 4, limit: 10 })).toBeUndefined();
  });

  it('stay right over many times their size', () => {
    const recent = new RecentEntries(10 * weightOf(entry(1)));
    for (let seq = 1; seq <= 1_000; seq++) {
      recent.append([entry(seq, seq % 3 === 0 ? 'metrics' : 'records')]);
      expect(recent.at(seq)?.seq).toBe(seq);
    }
    expect(seqs(recent.read({ stream: 'metrics', afterSeq: 990, limit: 10 }))).toEqual([993, 996, 999]);
    expect(recent.at(990)).toBeUndefined();
  });
});

describe('what is read at once', () => {
  it('ends with the row that reaches the bytes asked for, and never with none', () => {
    const recent = new RecentEntries(100 * weightOf(entry(1)));
    recent.append([1, 2, 3, 4, 5].map((seq) => entry(seq)));
    const wanted = { stream: 'records', afterSeq: 1, limit: 10 } as const;
    expect(seqs(recent.read({ ...wanted, maxBytes: 25 }))).toEqual([2, 3, 4]);
    expect(seqs(recent.read({ ...wanted, maxBytes: 1 }))).toEqual([2]);
  });
});

describe('rows read back', () => {
  const wanted = { stream: 'records', origin: 'live', afterSeq: 10, limit: 4 } as const;
  const rows = [11, 13, 14, 17].map((seq) => entry(seq));

  it('are there for whoever is behind at about the same place, in part if need be', () => {
    const back = new RowsReadBack(100_000);
    expect(back.read(wanted)).toBeUndefined();
    expect(back.keep(wanted, rows)).toBe(rows);
    expect(seqs(back.read(wanted))).toEqual([11, 13, 14, 17]);
    expect(seqs(back.read({ ...wanted, afterSeq: 12 }))).toEqual([13, 14, 17]);
    expect(seqs(back.read({ ...wanted, afterSeq: 13, limit: 1 }))).toEqual([14]);
    expect(seqs(back.read({ ...wanted, maxBytes: 15 }))).toEqual([11, 13]);
  });

  it('say nothing of other places, streams and origins', () => {
    const back = new RowsReadBack(100_000);
    back.keep(wanted, rows);
    back.keep({ ...wanted, afterSeq: 17 }, []);
    expect(back.read({ ...wanted, afterSeq: 9 })).toBeUndefined();
    expect(back.read({ ...wanted, afterSeq: 17 })).toBeUndefined();
    expect(back.read({ ...wanted, stream: 'metrics' })).toBeUndefined();
    expect(back.read({ ...wanted, origin: 'backfill' })).toBeUndefined();
    expect(back.read({ ...wanted, origin: undefined })).toBeUndefined();
  });

  it('go once every lane that wants them is past them', () => {
    const back = new RowsReadBack(100_000);
    back.keep(wanted, rows);
    back.forget((stream, origin, seq) => stream === 'records' && origin === 'live' && seq <= 16);
    expect(seqs(back.read(wanted))).toEqual([11, 13, 14, 17]);
    back.forget((stream, origin, seq) => stream === 'records' && origin === 'live' && seq <= 17);
    expect(back.read(wanted)).toBeUndefined();
  });

  it('fall out, the oldest first, and those beyond the bound at once', () => {
    const back = new RowsReadBack(6 * weightOf(entry(1)));
    back.keep(wanted, rows);
    back.keep(
      { ...wanted, afterSeq: 17 },
      [18, 19, 20].map((seq) => entry(seq)),
    );
    expect(back.read(wanted)).toBeUndefined();
    expect(seqs(back.read({ ...wanted, afterSeq: 17 }))).toEqual([18, 19, 20]);
    back.keep({ ...wanted, afterSeq: 20 }, [entry(21, 'records', 'x'.repeat(100_000))]);
    expect(back.read({ ...wanted, afterSeq: 20 })).toBeUndefined();
  });
});

describe('seen keys', () => {
  it('are found again after they fell out of memory', () => {
    const db = new DatabaseSync(':memory:');
    migrate(db, ':memory:');
    const seen = new SeenKeys(db, 2);
    for (const hour of [0, 1, 2, 3]) {
      const atMs = hour * 3_600_000;
      seen.remember(
        'unit',
        seen.append(
          'unit',
          [`${hour}a`, `${hour}b`].map((key) => ({ atMs, key })),
        ),
      );
      const known = seen.seenIn('unit', atMs, atMs);
      expect(['0a', '1a', '2a', '3a', `${hour}b`].filter((key) => known.has(key))).toEqual([
        `${hour}a`,
        `${hour}b`,
      ]);
    }
    seen.remember('unit', seen.append('unit', [{ atMs: 0, key: 'late' }]));
    const known = seen.seenIn('unit', 0, 0);
    expect(['0a', '0b', 'late', '1a'].filter((key) => known.has(key))).toEqual(['0a', '0b', 'late']);
    db.close();
  });
});

describe('merging index walks', () => {
  it('yields newest first, each row once, and reads no further than asked', () => {
    let read = 0;
    function* walk(...rows: readonly (readonly [seq: number, eventMs: number])[]) {
      for (const [seq, eventMs] of rows) {
        read += 1;
        yield { seq, eventMs };
      }
    }
    const walks = [walk([5, 50], [1, 10]), walk([7, 50], [5, 50], [2, 20]), walk()];
    const merged = mergeNewestFirst(walks);
    const first = [merged.next().value, merged.next().value].map((position) => position?.seq);
    expect(first).toEqual([7, 5]);
    expect(read).toBe(3);
    expect([...merged].map(({ seq }) => seq)).toEqual([2, 1]);
  });
});
