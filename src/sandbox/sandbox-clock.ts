import { type Clock, createSteeredClock } from '../core/clock.ts';

/** The sandbox's idea of now: it runs with the host, or stands still, and can be set. Durations stay the host's. */
export interface SandboxClock extends Clock {
  readonly frozen: boolean;
  steer(nowMs: number): void;
  freeze(frozen: boolean): void;
}

/** `frozenAtMs` makes a clock that stands at that moment until it is steered or set running. */
export function createSandboxClock(settings: { host: { now(): number }; frozenAtMs?: number }): SandboxClock {
  const { host } = settings;
  let standsAtMs: number | undefined = settings.frozenAtMs;
  let aheadMs = 0;
  const now = () => standsAtMs ?? host.now() + aheadMs;
  const { monotonic, sleep } = createSteeredClock(now);
  return {
    now,
    monotonic,
    sleep,
    get frozen() {
      return standsAtMs !== undefined;
    },
    steer(nowMs) {
      if (standsAtMs !== undefined) standsAtMs = nowMs;
      else aheadMs = nowMs - host.now();
    },
    freeze(frozen) {
      const atMs = now();
      standsAtMs = frozen ? atMs : undefined;
      aheadMs = atMs - host.now();
    },
  };
}
