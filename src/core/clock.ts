/**
 * Time as the product sees it. Only `cli/` makes a real one; everything else is handed a clock, so that a
 * whole run can be frozen or driven by a test.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. May stand still (a frozen rehearsal) and may jump (an adjusted host). */
  now(): number;
  /** Milliseconds that never go back, for measuring durations and deadlines. */
  monotonic(): number;
  /** Resolves after `ms`, rejects with the signal's reason when aborted. Never keeps the process alive alone. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export function createSystemClock(): Clock {
  return { now: () => Date.now(), monotonic: () => performance.now(), sleep: sleepFor };
}

/** A clock whose wall time stands at what `read` returns, while sleeping and durations stay real. */
export function createSteeredClock(read: () => number): Clock {
  return { now: read, monotonic: () => performance.now(), sleep: sleepFor };
}

export function sleepFor(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      },
      Math.max(0, ms),
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
