import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openJournalReader } from '../../src/store/open-journal.ts';
import { verifyTrail } from '../../src/store/verify-trail.ts';
import { everyRow, numbers } from '../store/sealing-rig.ts';
import { TemporaryJournal } from '../store/temporary-journal.ts';

const SCRIPT = join(import.meta.dirname, 'sealing-process.ts');
const KILLS = 5;

let store: TemporaryJournal;
beforeEach(() => {
  store = new TemporaryJournal();
});
afterEach(() => store.dispose());

/** Lets it commit some days and kills it a little later, in the middle of whatever it does. */
function runAndKill(days: number, delayMs: number): Promise<number> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', SCRIPT, store.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let lines = 0;
  let last = 0;
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const told = text.trim().split('\n');
      lines += told.length;
      last = Number(told.at(-1));
      if (lines >= days) setTimeout(() => child.kill('SIGKILL'), delayMs);
    });
    child.on('exit', (_code, signal) =>
      signal === 'SIGKILL' ? resolve(last) : reject(new Error('it ended')),
    );
  });
}

it('FT-01 killed again and again while it seals: every row is in the trail once, whole, in one place', async () => {
  let sealed = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const committed = await runAndKill(4, (kill * 37) % 90);
    const reader = await openJournalReader(store.path);
    const rows = await everyRow(reader);
    expect(rows.length).toBeGreaterThanOrEqual(committed);
    expect(rows.map(({ seq }) => seq)).toEqual(numbers(1, rows.length));
    const found = await reader.query({ limit: 100_000, revisions: 'all' });
    expect(found).toHaveLength(rows.length);
    await reader.close();
    const { problems, segments } = await verifyTrail({ path: store.path });
    expect(problems).toEqual([]);
    sealed = segments;
  }
  expect(sealed).toBeGreaterThan(KILLS);
}, 60_000);
