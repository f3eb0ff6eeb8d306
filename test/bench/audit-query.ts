/**
 * Look-ups in a journal of a million records: `node test/bench/audit-query.ts [records]`. Prints how fast they were
 * written, how long the look-ups take through a reader beside the writer (median and worst of 50 different ones,
 * caches as they are after the write), and exits 1 when a median by record id, customer or principal exceeds 100 ms.
 */
import type { RecordQuery } from '../../src/model/journal.ts';
import { openJournalReader } from '../../src/store/open-journal.ts';
import { commitRecords, nthCustomer, nthPrincipal, nthRecord, series } from '../store/commits.ts';
import { TemporaryJournal } from '../store/temporary-journal.ts';

const RECORDS = Number(process.argv[2] ?? 1_000_000);
const BATCH = 5_000;
const REPEATS = 50;
const LIMIT_MS = 100;

type Lookup = readonly [name: string, query: (n: number) => Partial<RecordQuery>, mustBeFast: boolean];

const LOOKUPS: readonly Lookup[] = [
  ['record id', (n) => ({ recordId: nthRecord(n).recordId }), true],
  ['customer', (n) => ({ customer: [nthCustomer(n % 500)] }), true],
  ['principal', (n) => ({ principal: [nthPrincipal(n % 50_000)] }), true],
  ['customer and outcome', (n) => ({ customer: [nthCustomer(n % 500)], outcome: 'cached_decision' }), true],
  ['event id', (n) => ({ eventId: nthRecord(n).eventId }), false],
  ['outcome and hour', (n) => hourOf(n), false],
];

const store = new TemporaryJournal();
try {
  await fill();
  const slow = await measure();
  if (slow.length > 0) {
    process.stdout.write(`Slower than ${LIMIT_MS} ms: ${slow.join(', ')}\n`);
    process.exitCode = 1;
  }
} finally {
  await store.dispose();
}

async function fill(): Promise<void> {
  const journal = await store.open();
  let cpuUs = 0;
  for (let from = 0; from < RECORDS; from += BATCH) {
    const records = series(from, from + BATCH);
    const before = process.cpuUsage();
    await commitRecords(journal, records);
    const spent = process.cpuUsage(before);
    cpuUs += spent.user + spent.system;
  }
  process.stdout.write(`${RECORDS} records written, ${Math.round((RECORDS / cpuUs) * 1e6)} per CPU-second\n`);
}

async function measure(): Promise<readonly string[]> {
  const reader = await openJournalReader(store.path);
  const slow: string[] = [];
  for (const [name, query, mustBeFast] of LOOKUPS) {
    const times: number[] = [];
    let rows = 0;
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const n = Math.floor((RECORDS / REPEATS) * repeat);
      const started = performance.now();
      rows += (await reader.query({ limit: 100, revisions: 'latest', ...query(n) })).length;
      times.push(performance.now() - started);
    }
    times.sort((a, b) => a - b);
    const median = times[REPEATS / 2] ?? 0;
    process.stdout.write(
      `${name.padEnd(22)} median ${median.toFixed(1)} ms, worst ${(times.at(-1) ?? 0).toFixed(1)} ms, ${Math.round(rows / REPEATS)} rows\n`,
    );
    if (mustBeFast && median > LIMIT_MS) slow.push(name);
  }
  await reader.close();
  return slow;
}

function hourOf(n: number): Partial<RecordQuery> {
  const fromMs = nthRecord(n).eventMs;
  return { outcome: 'cached_decision', fromMs, toMs: fromMs + 3_600_000 };
}
