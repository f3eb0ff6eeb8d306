import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nthRecord } from '../store/commits.ts';

const SCRIPT = join(import.meta.dirname, 'full-disk-process.ts');
const NODE = `${process.execPath} --disable-warning=ExperimentalWarning`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatewatch-full-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** True where this user may mount a file system of its own. */
function mayMount(): boolean {
  try {
    execFileSync('unshare', ['-Urm', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

interface Story {
  readonly reserved: boolean;
  readonly refusal: string;
  readonly stop: string;
  readonly stored: number;
  readonly readThroughMs: number;
  readonly acknowledged: number;
  readonly resumed?: string;
  readonly after: number;
}

function run(command: string, args: readonly string[]): Story {
  const told = execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(told);
}

describe('FT-18 a full disk', () => {
  it.runIf(mayMount())(
    'FT-18 stops reading with the position unmoved, writes every acknowledgement, and reads on by itself when there is room',
    () => {
      const filler = join(folder, 'filler');
      const script = `mount -t tmpfs -o size=32m none ${folder} && head -c 12000000 /dev/zero > ${filler} && exec ${NODE} ${SCRIPT} ${folder} ${filler}`;
      const story = run('unshare', ['-Urm', 'sh', '-c', script]);
      expect(story).toMatchObject({ reserved: true, refusal: 'journal_full', stop: 'disk_full' });
      expect(story.stored).toBeGreaterThan(1_000);
      expect(story.readThroughMs).toBe(nthRecord(story.stored).eventMs);
      expect(story.acknowledged).toBe(story.stored);
      expect(story.resumed).toBe('resumed');
      expect(story.after).toBe(story.stored + 200);
    },
  );

  it('FT-18 a file that may not grow stops reading and leaves what is stored readable', () => {
    const story = run('sh', ['-c', `ulimit -f 16384; exec ${NODE} ${SCRIPT} ${folder}`]);
    expect(story.stop).toBe('disk_failing');
    expect(story.refusal).toBe('journal_io');
    expect(story.stored).toBeGreaterThan(1_000);
    expect(story.after).toBe(story.stored);
    expect(story.readThroughMs).toBe(nthRecord(story.stored).eventMs);
  });
});
