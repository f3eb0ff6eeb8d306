import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readinessOf } from '../../src/cli/worker/health.ts';
import { ReopeningRuntime } from '../../src/cli/worker/reopening.ts';
import { createRuntime, type Runtime, type RuntimeDeps } from '../../src/cli/worker/runtime.ts';
import type { GatewatchConfig } from '../../src/config/gatewatch-config.ts';
import { JournalDamagedError } from '../../src/core/errors.ts';
import { RehearsedFleet, rowsOf, standingContent } from '../pipeline/rehearsed-runtime.ts';
import { until } from '../support/fake-clock.ts';
import { RecordingLogger } from '../support/recorders.ts';

const PAGE = 8_192;
const HISTORY_TO = Date.UTC(2026, 10, 22, 10, 0, 0);
const NEVER = '0 0 1 1 *';

let fleet: RehearsedFleet;
beforeAll(async () => {
  fleet = await RehearsedFleet.start({ minutes: 4, ratePerSecond: 5, historyToMs: HISTORY_TO });
  fleet.nowMs += 10 * 60_000;
});
afterAll(() => fleet.dispose());

function config(journal: string): GatewatchConfig {
  const loaded = fleet.config(journal);
  const schedule = { logs: '* * * * * *', metrics: NEVER, inventory: NEVER, alarms: NEVER };
  return { ...loaded, schedule, journal: { ...loaded.journal, reserve: 1_000_000 } };
}

/** Everything read and delivered once, then a page in the middle of the rows overwritten on the disk. */
async function readThenDamage(journal: string) {
  const before = await fleet.readLive(journal);
  const rows = await rowsOf(before.journal, 'records');
  expect(rows.length).toBeGreaterThan(100);
  await before.close();
  const path = join(fleet.folder, journal);
  const bytes = readFileSync(path);
  const row = rows[Math.floor(rows.length / 2)];
  const page = Math.floor(bytes.indexOf(row?.body ?? '') / PAGE);
  bytes.fill(0xa5, page * PAGE, (page + 1) * PAGE);
  writeFileSync(path, bytes);
  return { rows, path };
}

async function reopening(journal: string, onCommit?: RuntimeDeps['onCommit']): Promise<ReopeningRuntime> {
  const logger = new RecordingLogger();
  const open = () =>
    createRuntime(config(journal), { ...fleet.deps(), logger, ...(onCommit && { onCommit }) });
  return ReopeningRuntime.open({ open, clock: fleet.clock, logger });
}

function ready(runtime: Runtime, journal: string) {
  const state = { startedMs: fleet.nowMs, stopping: false };
  return readinessOf(runtime, config(journal), fleet.clock, state);
}

describe('FT-16 a worker whose journal is damaged', () => {
  it('FT-16 is not ready at once, opens anew by itself, reads everything again and is ready, with the gap on record', async () => {
    const { rows, path } = await readThenDamage('deep.db');
    let committed = 0;
    const worker = await reopening('deep.db', (entries) => {
      committed += entries.filter(({ stream }) => stream === 'records').length;
    });
    const first = worker.current;
    const stop = new AbortController();
    const ended = worker.run(stop.signal);
    await until(() => first.upkeep.status.usage !== undefined, 'the worker runs');
    await expect(rowsOf(first.journal, 'records')).rejects.toMatchObject({ code: 'journal_corrupt' });
    await until(() => first.upkeep.status.intakeStop?.kind === 'damaged', 'the damage is known');
    expect((await ready(first, 'deep.db')).reasons).toMatchObject([
      { kind: 'intake_stopped', sentence: expect.stringContaining('damaged') },
    ]);
    await until(() => worker.current !== first, 'the journal is opened anew');
    const { recoveredFrom } = worker.current.journal;
    expect(recoveredFrom).toMatch(/deep\.db\.corrupt-/);
    expect(existsSync(recoveredFrom ?? '')).toBe(true);
    await until(() => committed >= rows.length, 'all is read');
    const again = await rowsOf(worker.current.journal, 'records');
    expect(standingContent(again)).toEqual(standingContent(rows));
    expect(again[0]?.seq).toBeGreaterThan(rows.at(-1)?.seq ?? 0);
    await until(async () => {
      const { reasons } = await ready(worker.current, 'deep.db');
      return reasons.every(({ kind }) => kind !== 'intake_stopped' && kind !== 'never_read');
    }, 'reading goes on as before');
    const told = await ready(worker.current, 'deep.db');
    expect(told.notices).toContainEqual(expect.objectContaining({ kind: 'gap', subject: 'journal' }));
    expect(existsSync(`${path}.damaged`)).toBe(false);
    stop.abort();
    await ended;
    await worker.close();
  }, 30_000);

  it('FT-16 ends instead of going round when the fresh journal is damaged again soon', async () => {
    const { path } = await readThenDamage('again.db');
    const worker = await reopening('again.db');
    const first = worker.current;
    const ended = expect(worker.run(new AbortController().signal)).rejects.toThrow(JournalDamagedError);
    await rowsOf(first.journal, 'records').catch(() => undefined);
    await until(() => worker.current !== first, 'the journal is opened anew');
    const bytes = readFileSync(path);
    expect(bytes.length).toBeGreaterThan(PAGE);
    bytes.fill(0xa5, 0, PAGE);
    writeFileSync(path, bytes);
    writeFileSync(`${path}-wal`, '');
    await worker.current.upkeep.tick().catch(() => undefined);
    await ended;
    await worker.close().catch(() => undefined);
  }, 30_000);
});
