import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventKey, indexJournal } from '../../src/cli/demo/journal-index.ts';
import type { Runtime } from '../../src/cli/worker/runtime.ts';
import type { JournalEntry } from '../../src/model/journal.ts';
import type { RequestRecord } from '../../src/model/request-record.ts';
import { RehearsedFleet, rowsOf } from '../pipeline/rehearsed-runtime.ts';
import { untrueOfSplunk } from './truth.ts';

let fleet: RehearsedFleet;
beforeAll(async () => {
  fleet = await RehearsedFleet.start({
    minutes: 6,
    ratePerSecond: 6,
    historyToMs: Date.UTC(2026, 10, 22, 10, 0),
  });
});
afterAll(() => fleet.dispose());

function stories(rows: readonly JournalEntry[]): RequestRecord[][] {
  const byRecord = new Map<string, RequestRecord[]>();
  for (const { record } of rows) {
    if (record.kind === 'request')
      byRecord.set(record.recordId, [...(byRecord.get(record.recordId) ?? []), record]);
  }
  return [...byRecord.values()].filter((revisions) => revisions.length > 1);
}

/**
 * Requests that the journal does not tell as the truth does. A client-settable id is believed only while both lines are
 * young, so a line that names its partner by nothing else and comes an hour late stays alone, and is not looked at here.
 */
async function strayed(runtime: Runtime): Promise<string[]> {
  const { newest } = await indexJournal(runtime.journal);
  const byEvent = new Map(
    [...newest.values()].flatMap((record) => record.parts.map((part) => [part, record] as const)),
  );
  const found: string[] = [];
  for (const row of fleet.rehearsal.world.truth(fleet.nowMs)) {
    if (row.type !== 'request' || row.access === undefined || row.joinKey === 'gateway_request_id') continue;
    const record = byEvent.get(eventKey(row.access));
    const own = record?.recordId;
    const isWhole =
      row.outcome === 'ambiguous' ||
      row.authorizer.every((event) => byEvent.get(eventKey(event))?.recordId === own);
    if (record?.outcome !== row.outcome || record.decision !== row.decision || !isWhole) {
      found.push(`${row.scenario} ${row.extendedRequestId}: ${row.outcome}, got ${record?.outcome}`);
    }
  }
  return found;
}

it('a line that becomes readable late ends as a revision of the record that left without it', async () => {
  const { world, clock } = fleet.rehearsal;
  // Right after the history, after the re-read at five minutes, and after the one at an hour.
  const steps = [0, 400_000, 5_000_000].map((afterMs) => world.historyToMs + afterMs);
  for (const nowMs of steps) {
    clock.steer(nowMs);
    fleet.nowMs = nowMs;
    const runtime = await fleet.readLive('late.db');
    await runtime.close();
  }
  const runtime = await fleet.runtime('late.db');
  const revised = stories(await rowsOf(runtime.journal, 'records'));
  const completed = revised.filter(
    (revisions) => revisions[0]?.outcome === 'access_only' && revisions.at(-1)?.outcome !== 'access_only',
  );
  expect(completed.length).toBeGreaterThan(0);
  for (const revisions of revised) {
    expect(revisions.map(({ revision }) => revision)).toEqual(revisions.map((_one, n) => n));
    expect(new Set(revisions.map(({ eventId }) => eventId)).size).toBe(revisions.length);
  }
  expect(await strayed(runtime)).toEqual([]);
  expect(await untrueOfSplunk(fleet, runtime)).toEqual({ findings: [], repeats: 0 });
}, 60_000);
