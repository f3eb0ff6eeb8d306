import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FencedError } from '../../src/core/errors.ts';
import type { IngestBatch } from '../../src/pipeline/ingest-batch.ts';
import { access, invocation } from '../correlate/scenario.ts';
import { line, oddLine, ReadingRig, UNIT } from './reading-rig.ts';

let rig: ReadingRig;
beforeEach(async () => {
  rig = await ReadingRig.start();
});
afterEach(() => rig.dispose());

const MINUTE = 60_000;

function batch(parts: IngestBatch['parts'], more: Partial<IngestBatch> = {}): IngestBatch {
  const nowMs = rig.clock.now();
  const seen = parts.map(({ source }) => ({
    atMs: source.timestampMs,
    key: `${source.logStream}\n${source.eventId}`,
  }));
  return {
    unit: UNIT,
    window: { fromMs: nowMs - MINUTE, toMs: nowMs },
    read: parts.length,
    parts,
    seen,
    ...more,
  };
}

function at(agoMs: number): number {
  return rig.clock.now() - agoMs;
}

describe('what was read enters the journal', () => {
  it('with records, keys, counts and position in one commit', async () => {
    const parts = [line('a', at(5_000)), line('b', at(4_000))];
    await rig.ingest.commitParts(batch(parts, { next: { readThroughMs: rig.clock.now(), rereads: [] } }));
    expect(await rig.requests()).toEqual(['ext-a', 'ext-b']);
    expect(rig.commits).toHaveLength(1);
    expect(await rig.journal.checkpoint(UNIT)).toMatchObject({ readThroughMs: rig.clock.now(), version: 1 });
    expect((await rig.journal.seenIn(UNIT, at(MINUTE), at(0))).size).toBe(2);
    expect(rig.committed.map(({ recordId }) => recordId)).toHaveLength(2);
  });

  it('with a ledger that accounts for every event read for the first time', async () => {
    const parts = [
      line('a', at(5_000)),
      oddLine('unparsed', 'u', at(4_000)),
      oddLine('filtered', 'f', at(3_000)),
    ];
    await rig.ingest.commitParts(batch(parts, { read: 7 }));
    const [entry] = await rig.ledger();
    expect(entry).toMatchObject({ read: 7, seen: 3, stored: 2, filtered: 1, unparsed: 1, quarantined: 0 });
    expect(entry?.seen).toBe((entry?.stored ?? 0) + (entry?.quarantined ?? 0) + (entry?.filtered ?? 0));
    expect(rig.meter.counts.get('gatewatch_events_seen_total')).toBe(3);
  });

  it('keeps the position where it was when a slice is not the last of its window', async () => {
    await rig.ingest.commitParts(batch([line('a', at(5_000))]));
    expect(rig.ingest.checkpointOf(UNIT)).toBeUndefined();
    expect(rig.ingest.watermarkOf(UNIT)).toBeUndefined();
    const next = { readThroughMs: rig.clock.now(), rereads: [] };
    await rig.ingest.commitParts(batch([line('b', at(4_000))], { next }));
    expect(rig.ingest.readWholeThrough(UNIT)).toBe(rig.clock.now());
    expect(rig.ingest.watermarkOf(UNIT)).toBe(rig.clock.now() - 60_000);
  });

  it('writes nothing at all for a turn that brought nothing', async () => {
    await rig.ingest.settle(UNIT);
    expect(rig.commits).toEqual([]);
  });
});

describe('a commit that fails', () => {
  it('throws, forgets its joins, and the same batch goes through the next time', async () => {
    const resets = rig.resets;
    rig.failures.push(new Error('disk full'));
    const parts = [line('a', at(5_000))];
    await expect(rig.ingest.commitParts(batch(parts))).rejects.toThrow('disk full');
    expect(rig.resets).toBe(resets + 1);
    expect(await rig.requests()).toEqual([]);
    expect(rig.committed).toEqual([]);
    await rig.ingest.commitParts(batch(parts));
    expect(await rig.requests()).toEqual(['ext-a']);
  });

  it('is what is told, also where the join cannot be read back after it', async () => {
    rig.failures.push(new Error('disk full'));
    rig.resetFailures.push(new Error('disk unreadable'));
    const parts = [line('a', at(5_000))];
    await expect(rig.ingest.commitParts(batch(parts))).rejects.toThrow('disk full');
    expect(rig.logger.at('error')).toMatchObject([{ fields: { reason: 'disk unreadable' } }]);
    await rig.ingest.commitParts(batch(parts));
    expect(await rig.requests()).toEqual(['ext-a']);
  });

  it('leaves nothing behind in memory that the journal does not hold', async () => {
    const waiting = access({ id: 'w', startMs: at(5_000), authzRequestId: 'inv-1' });
    rig.failures.push(new Error('disk full'));
    await expect(rig.ingest.commitParts(batch([waiting]))).rejects.toThrow('disk full');
    rig.clock.skip(3_600_000);
    await rig.ingest.settle(UNIT);
    expect(await rig.requests()).toEqual([]);
  });

  it('counts nothing, so that the counters say what the journal says', async () => {
    rig.failures.push(new Error('disk full'));
    await expect(rig.ingest.commitParts(batch([line('a', at(5_000))]))).rejects.toThrow();
    expect(rig.meter.counts.size).toBe(0);
  });

  it('does not stop the batch that waits behind it', async () => {
    rig.failures.push(new Error('disk full'));
    const [first, second] = await Promise.allSettled([
      rig.ingest.commitParts(batch([line('a', at(5_000))])),
      rig.ingest.commitParts(batch([line('b', at(5_000))])),
    ]);
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
    expect(await rig.requests()).toEqual(['ext-b']);
  });

  it('ends this worker when another one has taken the journal over', async () => {
    const older = rig.ingest;
    await rig.restart();
    await expect(older.commitParts(batch([line('a', at(5_000))]))).rejects.toThrow(FencedError);
    expect(await rig.requests()).toEqual([]);
  });
});

describe('a new worker', () => {
  it('takes up positions and waiting lines where the last one stood', async () => {
    const waiting = access({ id: 'w', startMs: at(5_000), authzRequestId: 'inv-1' });
    const next = { readThroughMs: rig.clock.now(), rereads: [] };
    await rig.ingest.commitParts(batch([waiting], { next }));
    expect(await rig.requests()).toEqual([]);
    await rig.restart();
    expect(rig.ingest.readWholeThrough(UNIT)).toBe(rig.clock.now());
    rig.clock.skip(301_000);
    await rig.ingest.settle(UNIT);
    expect(await rig.requests()).toEqual(['ext-w']);
  });

  it('finds a gap that was recorded, with its window and reason', async () => {
    const gap = {
      unit: UNIT,
      fromMs: 1,
      toMs: 2,
      reason: 'older than the retention',
      recordedMs: rig.clock.now(),
    };
    await rig.ingest.commitGap(gap, { readThroughMs: 2, rereads: [] });
    await rig.restart();
    expect(await rig.journal.gaps()).toEqual([gap]);
    expect(rig.ingest.readWholeThrough(UNIT)).toBe(2);
  });
});

describe('the books', () => {
  it('are checked before anything is committed: an event that is unaccounted for stops the commit and says so', async () => {
    const parts = [line('a', at(5_000)), line('b', at(4_000))];
    const [, second] = batch(parts).seen;
    const unbalanced = batch(parts, { seen: second === undefined ? [] : [second] });
    await expect(rig.ingest.commitParts(unbalanced)).rejects.toThrow(/1 seen and 2 accounted for/);
    expect(await rig.requests()).toEqual([]);
    expect(await rig.ledger()).toEqual([]);
    await rig.ingest.commitParts(batch(parts));
    expect(await rig.requests()).toEqual(['ext-a', 'ext-b']);
  });

  it('are exported: what was joined and how, what was revised, and gaps', async () => {
    await rig.ingest.commitParts(batch([line('a', at(5_000)), line('b', at(4_000))]));
    const gap = { unit: UNIT, fromMs: at(MINUTE), toMs: at(0), reason: 'gone', recordedMs: at(0) };
    await rig.ingest.commitGap(gap);
    expect(rig.meter.counts.get('gatewatch_records_joined_total')).toBe(2);
    expect(rig.meter.counts.get('gatewatch_records_revised_total')).toBeUndefined();
    expect(rig.meter.counts.get('gatewatch_gaps_total')).toBe(1);
  });
});

describe('what is kept for evidence that comes late', () => {
  const DAY = 86_400_000;
  const LATENESS_MS = DAY;

  /** Where the unit stands: read to now, and this span of it still to be read again. */
  function dueSince(fromMs: number, unit = UNIT): Promise<void> {
    rig.readUnits.add(unit);
    const reread = { fromMs, toMs: fromMs + MINUTE, dueMs: fromMs + DAY, pass: 2 };
    const next = { readThroughMs: rig.clock.now(), rereads: [reread] };
    return rig.ingest.commitParts(batch([], { unit, next }));
  }

  it('is judged by the clock where nothing is overdue', async () => {
    await dueSince(at(DAY - MINUTE));
    expect(rig.ingest.forgetMs(rig.clock.now())).toBe(rig.clock.now());
  });

  it('is kept while a span is still to be read again, but not for a unit that nobody reads', async () => {
    await dueSince(at(2 * DAY));
    expect(rig.ingest.forgetMs(rig.clock.now())).toBe(at(2 * DAY) + LATENESS_MS);
    rig.readUnits.clear();
    expect(rig.ingest.forgetMs(rig.clock.now())).toBe(rig.clock.now());
  });

  it('is kept while a unit has not been read to now, for four days at most', async () => {
    await dueSince(at(0));
    rig.clock.skip(3 * DAY);
    expect(rig.ingest.forgetMs(rig.clock.now())).toBe(at(2 * DAY));
    rig.clock.skip(30 * DAY);
    expect(rig.ingest.forgetMs(rig.clock.now())).toBe(at(4 * DAY));
  });

  it('joins a line with the invocation that a worker reads which was down for two days', async () => {
    const startMs = at(5_000);
    await rig.ingest.commitParts(batch([access({ id: 'w', startMs, authzRequestId: 'inv-1' })]));
    rig.clock.skip(6 * MINUTE);
    await rig.ingest.settle(UNIT);
    await dueSince(startMs - MINUTE);
    rig.clock.skip(2 * DAY);
    await rig.restart();
    await rig.ingest.settle(UNIT);
    await rig.journal.prune(rig.ingest.forgetMs(rig.clock.now()), 0);
    await rig.ingest.commitParts(batch(invocation({ id: 'inv-1', startMs: startMs + 10, customer: 'C-1' })));
    const rows = await rig.journal.readStream('records', 0, 10);
    const said = rows.map(
      ({ record }) => record.kind === 'request' && `${record.outcome} ${record.customer}`,
    );
    expect(said).toEqual(['access_only unknown', 'matched C-1']);
  });
});
