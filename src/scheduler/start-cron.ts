import cron from 'node-cron';
import type { Clock } from '../core/clock.ts';

export interface CronTask {
  /** No run is started any more. */
  destroy(): void | Promise<void>;
}

/** Starts `run` whenever the cron expression, read in UTC, comes round, until the task is destroyed. */
export type StartCron = (name: string, expression: string, run: () => Promise<void>) => CronTask;

const SECOND_MS = 1_000;
/** After a longer absence (a host that slept) a run is due: looking at each second of days would take its time. */
const LONG_ABSENCE_S = 3_600;

/**
 * Looks at the clock each second. Timers of its own, because those of `node-cron` wait for a moment on the wall clock:
 * after a clock was set back an hour nothing would run for an hour, and a run that is a second late would not run at all.
 * `run` must not throw.
 */
export function createCron(clock: Clock): StartCron {
  return (name, expression, run) => {
    const task = cron.createTask(expression, () => undefined, { timezone: 'UTC', name });
    const comesRound = (second: number) => task.match(new Date(second * SECOND_MS));
    const stop = new AbortController();
    void watch(clock, comesRound, run, stop.signal);
    return {
      destroy: () => {
        stop.abort();
        return task.destroy();
      },
    };
  };
}

async function watch(
  clock: Clock,
  comesRound: (second: number) => boolean,
  run: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let seen = secondOf(clock);
  while (!signal.aborted) {
    await clock.sleep(SECOND_MS - (clock.now() % SECOND_MS), signal).catch(() => undefined);
    if (signal.aborted) return;
    const second = secondOf(clock);
    if (isDue(seen, second, comesRound)) void run();
    // Also backwards: what comes round after a clock was set back comes round by the clock as it is now.
    seen = second;
  }
}

function isDue(seen: number, second: number, comesRound: (second: number) => boolean): boolean {
  if (second - seen > LONG_ABSENCE_S) return true;
  for (let at = seen + 1; at <= second; at += 1) if (comesRound(at)) return true;
  return false;
}

function secondOf(clock: Clock): number {
  return Math.floor(clock.now() / SECOND_MS);
}
