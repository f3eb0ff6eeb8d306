import { join } from 'node:path';
import type { Clock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { openJournal } from '../../../src/store/open-journal.ts';
import type { SqliteJournal } from '../../../src/store/sqlite-journal.ts';

/** Where a story happens. */
export interface Scene {
  readonly folder: string;
  /** Of an event collector. */
  readonly url: string;
}

/** Work on a journal during which a process may die at any step: the next one does it all, and then everything is true. */
export interface Story {
  /** Puts into an empty folder what the first process finds. */
  prepare(scene: Scene): Promise<void>;
  /** What a process does from its start to its end, whatever has been done of it before. */
  run(scene: Scene): Promise<void>;
  /** What does not hold after a run that came to its end. `taken`: the ids of events as the collector took them. */
  findings(scene: Scene, taken: readonly string[]): Promise<string[]>;
}

export function journalPath({ folder }: Scene): string {
  return join(folder, 'gatewatch.db');
}

/** Stands still; nobody waits longer than some milliseconds. */
export function standingClock(nowMs: number): Clock {
  return {
    now: () => nowMs,
    monotonic: () => performance.now(),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const onAbort = () => reject(signal?.reason);
        if (signal?.aborted) return onAbort();
        signal?.addEventListener('abort', onAbort, { once: true });
        setTimeout(
          () => {
            signal?.removeEventListener('abort', onAbort);
            resolve();
          },
          Math.min(ms, 5),
        );
      }),
  };
}

export function openAt(scene: Scene, nowMs: number, reserveBytes = 100_000): Promise<SqliteJournal> {
  return openJournal({
    path: journalPath(scene),
    clock: standingClock(nowMs),
    logger: silentLogger,
    owner: `process ${process.pid}`,
    reserveBytes,
  });
}

/** One finding when the two differ as JSON. */
export function differing(what: string, got: unknown, expected: unknown): string[] {
  const [have, want] = [JSON.stringify(got), JSON.stringify(expected)];
  return have === want ? [] : [`${what}: expected ${want}, got ${have}`];
}
