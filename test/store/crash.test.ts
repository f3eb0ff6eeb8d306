import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nthRecord } from './commits.ts';
import { TemporaryJournal } from './temporary-journal.ts';

const WRITER = fileURLToPath(new URL('./crash-writer.ts', import.meta.url));
const KILLS = 6;

let store: TemporaryJournal;
beforeEach(() => {
  store = new TemporaryJournal();
});
afterEach(() => store.dispose());

describe('a writer killed at random', () => {
  it('loses no acknowledged commit, stores nothing twice, and needs no waiting to start again', async () => {
    let acknowledged = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      acknowledged = await killWriterAfter(store.path, 3 + ((kill * 7) % 11));
      const journal = await store.open();
      const lastSeq = await journal.lastSeq();
      expect(lastSeq).toBeGreaterThanOrEqual(acknowledged);
      await journal.close();
    }
    const journal = await store.open();
    const entries = await journal.readStream('records', 0, 1_000_000);
    expect(entries.map((entry) => entry.seq)).toEqual(entries.map((_, index) => index + 1));
    expect(entries.every((entry, index) => entry.recordId === nthRecord(index).recordId)).toBe(true);
    expect(entries.length).toBeGreaterThanOrEqual(acknowledged);
    expect(acknowledged).toBeGreaterThan(KILLS * 40);
  });
});

/** Starts a writer, kills it once it acknowledged that many commits, and returns the last `seq` it acknowledged. */
function killWriterAfter(path: string, commits: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', WRITER, path]);
    let out = '';
    let complaints = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out.split('\n').length > commits) child.kill('SIGKILL');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      complaints += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (signal !== 'SIGKILL')
        reject(new Error(`Expected the writer to be killed, got exit ${code}: ${complaints}`));
      else resolve(Number(out.trimEnd().split('\n').at(-1)));
    });
  });
}
