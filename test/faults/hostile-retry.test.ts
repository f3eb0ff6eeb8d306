import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../src/cli/worker/runtime.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { JournalEntry } from '../../src/model/journal.ts';
import { openOrderDesk } from '../../src/store/order-desk.ts';
import { RehearsedFleet, rowsOf, standingContent } from '../pipeline/rehearsed-runtime.ts';

let fleet: RehearsedFleet;
let asIfRight: readonly [string, string][];
beforeAll(async () => {
  fleet = await RehearsedFleet.start({
    minutes: 3,
    ratePerSecond: 2,
    historyToMs: Date.UTC(2026, 10, 22, 12),
  });
  const right = await fleet.readLive('right.db');
  asIfRight = standing(await rowsOf(right.journal, 'records'));
});
afterAll(() => fleet.dispose());

/** What stands, but the lines that were tried again: another record tells of them. */
function standing(rows: readonly JournalEntry[]): readonly [string, string][] {
  const retried = new Set(rows.filter(wasReadSince).map(({ recordId }) => recordId));
  return standingContent(rows).filter(([id]) => !retried.has(id));
}

function wasReadSince({ record }: JournalEntry): boolean {
  return record.kind === 'unparsed' && record.parts.length === 0;
}

/** A worker that does not know the formats of the past. */
async function ignorantRuntime(journal: string): Promise<Runtime> {
  const text = fleet.configText(journal).replace(/accessLogs:\n(?: {2}.*\n)+/, '');
  const path = join(fleet.folder, 'gatewatch.yaml');
  const loaded = loadConfig({ path, text, env: {}, readFile: (file) => readFileSync(file, 'utf8') });
  if (!loaded.ok) throw new Error(`Expected a valid configuration, got ${JSON.stringify(loaded.problems)}`);
  return createRuntime(loaded.config, fleet.deps());
}

async function backfill(runtime: Runtime, journal: string, id: string): Promise<void> {
  const desk = await openOrderDesk(join(fleet.folder, journal), fleet.clock);
  await desk.place(fleet.order({ id }));
  await desk.close();
  expect(await runtime.worker.carryOut(id, AbortSignal.timeout(40_000), () => undefined)).toEqual([]);
}

const unread = (rows: readonly JournalEntry[]) => rows.filter(({ record }) => record.kind === 'unparsed');

it('FT-26 lines that nobody could read are tried again by a backfill of their span, and end as if they had been read at once', async () => {
  const ignorant = await ignorantRuntime('retry.db');
  expect(await ignorant.worker.once(AbortSignal.timeout(40_000))).toEqual([]);
  const before = unread(await rowsOf(ignorant.journal, 'records'));
  await ignorant.close();

  const knowing = await fleet.runtime('retry.db');
  await backfill(knowing, 'retry.db', 'again');
  const rows = await rowsOf(knowing.journal, 'records');
  const readSince = rows.filter(wasReadSince);
  expect(readSince.length).toBeGreaterThan(20);
  expect(standing(rows)).toEqual(asIfRight);
  for (const { record, revision, recordId } of readSince) {
    const original = before.find((row) => row.recordId === recordId)?.record;
    expect(revision).toBe(1);
    // What was kept of the line stays, and the reason says that it is history.
    expect(record).toMatchObject(
      original?.kind === 'unparsed'
        ? {
            rawSha256: original.rawSha256,
            raw: original.raw,
            problem: `read since; before that: ${original.problem}`,
          }
        : {},
    );
  }
  const events = new Map<string, number>();
  for (const { record } of newest(rows)) {
    if (!('parts' in record)) continue;
    for (const part of record.parts) {
      const key = [part.logGroup, part.logStream, part.eventId].join('\n');
      events.set(key, (events.get(key) ?? 0) + 1);
    }
  }
  expect(Math.max(...events.values())).toBe(1);

  const seq = await knowing.journal.lastSeq();
  await backfill(knowing, 'retry.db', 'once-more');
  expect(await knowing.journal.lastSeq()).toBe(seq);
}, 60_000);

function newest(rows: readonly JournalEntry[]): Iterable<JournalEntry> {
  return new Map(rows.map((row) => [row.recordId, row])).values();
}
