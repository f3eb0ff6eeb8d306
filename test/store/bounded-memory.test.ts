import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import type { JournalEntry, StreamName } from '../../src/model/journal.ts';
import { mergeNewestFirst } from '../../src/store/merge-newest-first.ts';
import { RecentEntries } from '../../src/store/recent-entries.ts';
import { migrate } from '../../src/store/schema.ts';
import { SeenKeys } from '../../src/store/seen-keys.ts';
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
  it('keep the newest within both bounds and say when older ones are needed', () => {
    const recent = new RecentEntries({ maxEntries: 3, maxBodyLength: 1_000 });
    expect(recent.read('records', 0, 10)).toBeUndefined();
    recent.append([1, 2, 3, 4, 5].map((seq) => entry(seq)));
    expect(recent.read('records', 1, 10)).toBeUndefined();
    expect(seqs(recent.read('records', 2, 10))).toEqual([3, 4, 5]);
    expect(seqs(recent.read('records', 2, 2))).toEqual([3, 4]);
    expect(seqs(recent.read('records', 5, 10))).toEqual([]);
    recent.append([entry(6, 'records', 'x'.repeat(990))]);
    expect(recent.read('records', 3, 10)).toBeUndefined();
    expect(seqs(recent.read('records', 4, 10))).toEqual([5, 6]);
  });

  it('hold an entry larger than the bound not at all, and go on after it', () => {
    const recent = new RecentEntries({ maxEntries: 3, maxBodyLength: 100 });
    recent.append([entry(1), entry(2, 'records', 'x'.repeat(200))]);
    expect(recent.read('records', 0, 10)).toBeUndefined();
    recent.append([entry(3)]);
    expect(recent.read('records', 1, 10)).toBeUndefined();
    expect(seqs(recent.read('records', 2, 10))).toEqual([3]);
  });

  it('stay right over many times their size', () => {
    const recent = new RecentEntries({ maxEntries: 10, maxBodyLength: 1_000 });
    for (let seq = 1; seq <= 1_000; seq++) {
      recent.append([entry(seq, seq % 3 === 0 ? 'metrics' : 'records')]);
      expect(recent.at(seq)?.seq).toBe(seq);
    }
    expect(seqs(recent.read('metrics', 990, 10))).toEqual([993, 996, 999]);
    expect(recent.at(990)).toBeUndefined();
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
      expect([...seen.seenIn('unit', atMs, atMs)]).toEqual([`${hour}a`, `${hour}b`]);
    }
    seen.remember('unit', seen.append('unit', [{ atMs: 0, key: 'late' }]));
    expect([...seen.seenIn('unit', 0, 0)]).toEqual(['0a', '0b', 'late']);
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
