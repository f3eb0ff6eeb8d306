import { afterEach, beforeEach, expect, it } from 'vitest';
import { FencedError } from '../../src/core/errors.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { pruneRegularly, whileRenewingLease } from '../../src/scheduler/keep-journal.ts';
import { TemporaryJournal } from '../store/temporary-journal.ts';
import { FakeClock } from '../support/fake-clock.ts';

let files: TemporaryJournal;
beforeEach(() => {
  files = new TemporaryJournal();
});
afterEach(() => files.dispose());

const signal = new AbortController().signal;

it('keeps a second worker out while a first listing takes minutes', async () => {
  const clock = new FakeClock();
  const journal = await files.open({ clock });
  let listed: () => void = () => undefined;
  const listing = new Promise<void>((resolve) => {
    listed = resolve;
  });
  const options = { clock, logger: silentLogger, journal, seenForMs: 1 };
  const working = whileRenewingLease(options, signal, () => listing);
  for (let passed = 0; passed < 180; passed += 5) await clock.advance(5_000);
  await expect(files.open({ clock })).rejects.toMatchObject({ code: 'journal_in_use' });
  listed();
  await working;
  expect(clock.sleeping).toBe(0);
});

it('ends the work of a worker that has been replaced', async () => {
  const clock = new FakeClock();
  const journal = await files.open({ clock });
  await files.open({ clock: new FakeClock(clock.now() + 60_000) });
  const options = { clock, logger: silentLogger, journal, seenForMs: 1 };
  const working = whileRenewingLease(options, signal, () => new Promise(() => undefined));
  const ended = expect(working).rejects.toBeInstanceOf(FencedError);
  await clock.advance(5_000);
  await ended;
});

it('forgets no state that overdue reading still needs', async () => {
  const clock = new FakeClock();
  const journal = await files.open({ clock });
  const startMs = clock.now();
  const row = (key: string, expiresMs: number) => ({ kind: 's', key, body: '1', expiresMs });
  await journal.commitWindow({
    epoch: journal.epoch,
    unit: 'logs:a:b:c',
    expectedVersion: 0,
    seen: [],
    records: [],
    gaps: [],
    state: [row('needed', startMs + 2_000), row('done', startMs + 1_000)],
    nowMs: startMs,
  });
  const stop = new AbortController();
  const ingest = { forgetMs: () => startMs + 1_500 };
  const options = { clock, logger: silentLogger, journal, seenForMs: 1, ingest };
  const pruning = pruneRegularly(options, stop.signal);
  await clock.advance(600_000);
  stop.abort();
  await pruning;
  expect([...(await journal.state('s', ['needed', 'done'])).keys()]).toEqual(['needed']);
});
