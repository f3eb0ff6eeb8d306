import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Outcomes } from '../../src/model/journal.ts';
import type { RequestRecord } from '../../src/model/request-record.ts';
import { openJournalReader } from '../../src/store/open-journal.ts';
import { commitRecords } from './commits.ts';
import { DAY, dayRecord, FIRST_DAY, HOUR, SETTINGS, SealingRig } from './sealing-rig.ts';

let rig: SealingRig;
beforeEach(async () => {
  rig = new SealingRig();
  await rig.open();
});
afterEach(() => rig.store.dispose());

const SPANS = [
  ['all days', FIRST_DAY, FIRST_DAY + 9 * DAY],
  ['part of a sealed day', FIRST_DAY + 10_000, FIRST_DAY + 60_000],
  ['the time before what is revised', FIRST_DAY, FIRST_DAY + 20_000],
  ['the end of one day to the start of the next', FIRST_DAY + 30_000, FIRST_DAY + DAY + 30_000],
  ['the edge of a day', FIRST_DAY + DAY - HOUR / 2, FIRST_DAY + DAY + 5_000],
  ['a live day', FIRST_DAY + 4 * DAY, FIRST_DAY + 5 * DAY],
  ['a time without rows', FIRST_DAY + 20 * DAY, FIRST_DAY + 21 * DAY],
] as const;

/** By reading every newest record of the span, through another path. */
async function byReading(fromMs: number, toMs: number): Promise<Record<string, number>> {
  const rows = await rig.journal.query({ fromMs, toMs, limit: 10_000, revisions: 'latest' });
  const counts: Record<string, number> = {};
  for (const { body } of rows) {
    const record: RequestRecord = JSON.parse(body);
    if (record.supersededBy === undefined) counts[record.outcome] = (counts[record.outcome] ?? 0) + 1;
  }
  return counts;
}

function byOutcome({ counts }: Outcomes): Record<string, number> {
  return Object.fromEntries(counts.map(({ outcome, records }) => [outcome, records]));
}

async function countedEverySpan(): Promise<void> {
  for (const [name, fromMs, toMs] of SPANS) {
    const outcomes = await rig.journal.outcomes(fromMs, toMs);
    expect({ name, ...byOutcome(outcomes) }).toEqual({ name, ...(await byReading(fromMs, toMs)) });
    expect(outcomes.uncounted).toEqual([]);
  }
}

function revision(of: RequestRecord, what: Partial<RequestRecord> & { readonly eventId: string }) {
  return { ...of, ...what };
}

describe('outcomes of a span', () => {
  it('are the same before a day is sealed, while it is being deleted, and after', async () => {
    await rig.days(0, 5, 80);
    const before = byOutcome(await rig.journal.outcomes(FIRST_DAY, FIRST_DAY + 5 * DAY));
    expect(before).toEqual({ cached_decision: expect.any(Number), matched: expect.any(Number) });
    await countedEverySpan();
    await rig.journal.upkeep.sealNext(SETTINGS, rig.clock.now());
    await countedEverySpan();
    expect(await rig.seal()).toBeGreaterThan(0);
    await countedEverySpan();
    expect(byOutcome(await rig.journal.outcomes(FIRST_DAY, FIRST_DAY + 5 * DAY))).toEqual(before);
  });

  it('count a record once, by its newest revision, in whichever files its revisions lie', async () => {
    await rig.days(0, 1, 80);
    const [twice, live, moved, lonely, gone] = [21, 22, 23, 24, 25].map((n) => dayRecord(0, n));
    if (!twice || !live || !moved || !lonely || !gone) throw new Error('Expected five records');
    await commitRecords(rig.journal, [
      revision(gone, { eventId: 'taken over on its day', supersededBy: 'x' }),
    ]);
    await rig.days(1, 2, 80);
    await commitRecords(rig.journal, [
      revision(twice, { eventId: 'a day later', outcome: 'authorizer_error' }),
      revision(moved, {
        eventId: 'of another time',
        outcome: 'ambiguous',
        eventMs: moved.eventMs - HOUR / 2,
      }),
    ]);
    await rig.days(2, 5, 80);
    expect(await rig.seal()).toBeGreaterThan(1);
    await commitRecords(rig.journal, [
      revision(twice, { eventId: 'days later', outcome: 'access_only' }),
      revision(live, { eventId: 'late', outcome: 'no_authorizer' }),
      revision(lonely, { eventId: 'taken over', supersededBy: live.recordId }),
      revision(gone, { eventId: 'taken over by another', supersededBy: live.recordId }),
    ]);
    expect(byOutcome(await rig.journal.outcomes(FIRST_DAY, FIRST_DAY + 80_000))).toMatchObject({
      access_only: 1,
      no_authorizer: 1,
    });
    await countedEverySpan();
    await rig.days(5, 8, 80);
    expect(await rig.seal()).toBeGreaterThan(1);
    await countedEverySpan();
  });

  it('include archived segments, and name those whose file is away or damaged, which cost themselves alone', async () => {
    await rig.days(0, 6, 80);
    await rig.seal();
    const archive = join(rig.store.folder, 'archive');
    const archived = await rig.journal.upkeep.archiveOldest(archive, rig.clock.now());
    await countedEverySpan();
    renameSync(archive, `${archive}-away`);
    const damaged = join(`${rig.store.path}.segments`, '2026-11-02.000000000081.db');
    const bytes = readFileSync(damaged);
    rmSync(damaged);
    writeFileSync(damaged, bytes.fill(0xa5, 8_192));
    await rig.open();
    const { counts, uncounted } = await rig.journal.outcomes(FIRST_DAY, FIRST_DAY + 9 * DAY);
    expect(counts.reduce((sum, { records }) => sum + records, 0)).toBe(4 * 80);
    const span = { fromMs: FIRST_DAY, toMs: FIRST_DAY + 79_001 };
    expect(uncounted).toEqual([
      { firstSeq: 1, lastSeq: 80, ...span, reason: expect.stringContaining(`${archive}/2026-11-01.`) },
      {
        ...{ firstSeq: 81, lastSeq: 160, fromMs: span.fromMs + DAY, toMs: span.toMs + DAY },
        reason: expect.stringMatching(/2026-11-02\.000000000081\.db is damaged .*audit verify/),
      },
    ]);
    expect(archived).toMatchObject({ firstSeq: 1, lastSeq: 80 });
    expect((await rig.journal.outcomes(FIRST_DAY + DAY + HOUR / 2, FIRST_DAY + 9 * DAY)).uncounted).toEqual(
      [],
    );
    expect(rig.journal.upkeep.trouble()).toBeUndefined();
  });

  it('name what was dropped for room', async () => {
    await rig.days(0, 5, 80);
    await rig.seal();
    await rig.journal.upkeep.dropOldest('the budget is full', rig.clock.now());
    const { counts, uncounted } = await rig.journal.outcomes(FIRST_DAY, FIRST_DAY + 9 * DAY);
    expect(counts.reduce((sum, { records }) => sum + records, 0)).toBe(4 * 80);
    expect(uncounted).toMatchObject([
      { firstSeq: 1, lastSeq: 80, reason: expect.stringContaining('gap record') },
    ]);
  });

  it('are read beside a writer, with few files open, however many segments there are', async () => {
    await rig.days(0, 14, 40);
    expect(await rig.seal()).toBeGreaterThan(10);
    const early = [0, 2, 4, 6, 8, 10].map((day) =>
      revision(dayRecord(day, 1), { eventId: `late ${day}`, outcome: 'ambiguous' }),
    );
    await commitRecords(rig.journal, early);
    const reader = await openJournalReader(rig.store.path);
    const outcomes = byOutcome(await reader.outcomes(FIRST_DAY, FIRST_DAY + 14 * DAY));
    await reader.close();
    expect(outcomes).toEqual(await byReading(FIRST_DAY, FIRST_DAY + 14 * DAY));
    expect(outcomes).toMatchObject({ ambiguous: 6 });
  });

  it('are counted alike in a file that is half-way through its deletion', async () => {
    await rig.days(0, 4, 320);
    await rig.journal.upkeep.sealNext(SETTINGS, rig.clock.now());
    await rig.journal.close();
    const db = new DatabaseSync(rig.store.path);
    db.exec('DELETE FROM record WHERE seq <= 250');
    db.close();
    await rig.open();
    await countedEverySpan();
  });
});
