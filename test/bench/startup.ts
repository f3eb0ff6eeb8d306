/**
 * How long a worker needs to start on a large journal: `node test/bench/startup.ts [gigabytes] [folder]`. Builds the
 * journal (rows by the product, then multiplied in SQL; a million undelivered, a write-ahead log left by a crash), opens
 * it in a fresh process through the real runtime and asks for the first readiness. Prints the times and exits 1 beyond
 * two seconds. An existing journal in the folder is used again.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type AwsClients, createAwsClients } from '../../src/aws/aws-clients.ts';
import { readinessOf } from '../../src/cli/worker/health.ts';
import { createRuntime } from '../../src/cli/worker/runtime.ts';
import { createSystemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { openJournal } from '../../src/store/open-journal.ts';
import { RehearsedFleet } from '../pipeline/rehearsed-runtime.ts';
import { recordsOnly, series, UNIT } from '../store/commits.ts';

const LIMIT_MS = 2_000;
const SEED_ROWS = 100_000;
/** As long as the log gets before it is copied into the file. */
const LOG_MB = 130;
const UNDELIVERED_ROWS = 1_000_000;
const STATE_ROWS = 20_000;
const RESERVE_BYTES = 256 * 1_024 * 1_024;

const [first = '10', given] = process.argv.slice(2);
if (first === 'measure') await measure(given ?? '');
else if (first === 'crash') await crash(given ?? '');
else await main(Number(first));

async function main(gigabytes: number): Promise<void> {
  const folder = given ?? mkdtempSync(join(tmpdir(), 'gatewatch-startup-'));
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'gatewatch.db');
  try {
    if (!existsSync(path)) await build(path, gigabytes * 1e9);
    spawnSync(process.execPath, [...process.execArgv, import.meta.filename, 'crash', path], {
      stdio: 'inherit',
    });
    const size =
      (statSync(path).size + (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0)) / 1e9;
    process.stdout.write(
      `journal of ${size.toFixed(1)} GB, of it ${logSize(path)} MB in the log of a crash\n`,
    );
    for (const what of ['after a crash', 'after a clean end']) {
      dropCaches();
      const told = execFileSync(
        process.execPath,
        [...process.execArgv, import.meta.filename, 'measure', path],
        {
          encoding: 'utf8',
        },
      );
      const { openMs, readyMs, readingMs } = JSON.parse(told);
      process.stdout.write(
        `${what}: opened in ${openMs} ms, first readiness after ${readyMs} ms, reading begins after ${readingMs} ms\n`,
      );
      if (readingMs > LIMIT_MS) process.exitCode = 1;
    }
  } finally {
    if (given === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

function logSize(path: string): number {
  return Math.round((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) / 1e6);
}

/** Only root may; without it the journal may still be in memory from being built. */
function dropCaches(): void {
  try {
    execFileSync('sync');
    writeFileSync('/proc/sys/vm/drop_caches', '3');
  } catch {
    process.stdout.write('(the file cache could not be emptied: not run as root)\n');
  }
}

/** `readyMs`: the first answer of the readiness page; `readingMs`: everything is loaded and the first AWS call leaves. */
async function measure(path: string): Promise<void> {
  const fleet = await RehearsedFleet.start({ minutes: 1, ratePerSecond: 1, historyToMs: Date.now() });
  const loaded = fleet.config('unused.db');
  const config = { ...loaded, journal: { ...loaded.journal, path, reserve: RESERVE_BYTES } };
  const clock = createSystemClock();
  const called = Promise.withResolvers<number>();
  const started = performance.now();
  const since = () => Math.round(performance.now() - started);
  const runtime = await createRuntime(config, {
    ...fleet.deps(),
    clock,
    createClients: (settings) => telling(createAwsClients(settings), () => called.resolve(since())),
  });
  const openMs = since();
  await readinessOf(runtime, config, clock, { startedMs: clock.now(), stopping: false });
  const readyMs = since();
  const stop = new AbortController();
  const ended = runtime.worker.run(stop.signal).catch(() => undefined);
  const readingMs = await called.promise;
  process.stdout.write(JSON.stringify({ openMs, readyMs, readingMs }));
  stop.abort();
  await ended;
  await runtime.close();
  await fleet.dispose();
}

/** Tells of the first call. */
function telling(clients: AwsClients, tell: () => void): AwsClients {
  return new Proxy(clients, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function' || name === 'clockAheadMs' || name === 'close') return value;
      return (...args: unknown[]) => {
        tell();
        return Reflect.apply(value, target, args);
      };
    },
  });
}

async function build(path: string, bytes: number): Promise<void> {
  await seed(path);
  const db = new DatabaseSync(path);
  db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -4000000; PRAGMA wal_autocheckpoint = 50000');
  const perSeed = statSync(path).size;
  const copies = Math.ceil(bytes / perSeed) - 1;
  const multiply = db.prepare(
    `INSERT INTO record (seq, facet, event_ms, record_hash, slot, customer_hash, principal_hash, revision, record_id,
       event_id, sha256, body)
     SELECT seq + ?1 * ${SEED_ROWS}, facet, event_ms + ?1 * 2000000, (record_hash + ?1 * 7919) % 9007199254740881, slot,
       customer_hash, principal_hash, revision, record_id || ?1, event_id || ?1, sha256, body
     FROM record WHERE seq <= ${SEED_ROWS}`,
  );
  const runs = db.prepare(
    `INSERT INTO stream_run (stream, last_seq, first_seq, min_event_ms, max_event_ms, origin, bytes)
     SELECT stream, last_seq + ?1 * ${SEED_ROWS}, first_seq + ?1 * ${SEED_ROWS}, min_event_ms + ?1 * 2000000,
       max_event_ms + ?1 * 2000000, origin, bytes FROM stream_run WHERE last_seq <= ${SEED_ROWS}`,
  );
  const indexes = db
    .prepare(
      `SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'record' AND sql IS NOT NULL`,
    )
    .all();
  for (const { name } of indexes) db.exec(`DROP INDEX ${name}`);
  for (let copy = 1; copy <= copies; copy += 1) {
    db.exec('BEGIN');
    multiply.run(copy);
    runs.run(copy);
    db.exec('COMMIT');
    process.stderr.write(`\r${copy} of ${copies}`);
  }
  process.stderr.write(', indexes\n');
  for (const { sql } of indexes) db.exec(String(sql));
  const rows = (copies + 1) * SEED_ROWS;
  db.prepare(`UPDATE lane SET cursor = ?`).run(Math.max(0, rows - UNDELIVERED_ROWS));
  db.close();
}

/** Small commits, as a quiet fleet makes them, and what correlation has waiting. */
async function seed(path: string): Promise<void> {
  const journal = await openJournal({
    path,
    clock: createSystemClock(),
    logger: silentLogger,
    owner: 'bench',
  });
  for (const sink of ['splunk', 'dynatrace'])
    for (const stream of ['records', 'metrics'] as const)
      await journal.lane({ sink, stream, class: 'live', name: `${sink}/${stream}/live` });
  for (let from = 0; from < SEED_ROWS; from += 100)
    await journal.commitWindow(recordsOnly(journal.epoch, series(from, from + 100)));
  const state = Array.from({ length: STATE_ROWS }, (_, n) => ({
    kind: 'bench',
    key: `key ${n}`,
    body: 'x'.repeat(800),
    expiresMs: 0,
  }));
  const nextCheckpoint = { readThroughMs: Date.now(), rereads: [] };
  await journal.commitWindow({ ...recordsOnly(journal.epoch, []), unit: UNIT, state, nextCheckpoint });
  await journal.close();
}

/** Commits until the log is as long as it gets, and dies as a killed process does. */
async function crash(path: string): Promise<void> {
  const journal = await openJournal({
    path,
    clock: createSystemClock(),
    logger: silentLogger,
    owner: 'bench',
  });
  const from = 50_000_000 + (await journal.lastSeq());
  for (let n = 0; logSize(path) < LOG_MB; n += 1_000) {
    const commit = { ...recordsOnly(journal.epoch, series(from + n, from + n + 1_000)), unit: 'logs:crash' };
    const { kind } = await journal.commitWindow(commit);
    if (kind === 'fenced') throw new Error('Expected a commit, got fenced');
  }
  process.kill(process.pid, 'SIGKILL');
}
