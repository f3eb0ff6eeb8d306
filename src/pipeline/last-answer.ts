import type { Clock } from '../core/clock.ts';

/**
 * How long the answer to what is already on its way is waited for when the worker is told to stop, milliseconds. The
 * destination has mostly taken it in: to leave would be to send it a second time.
 */
export const LAST_ANSWER_MS = 5_000;

/** Runs `send` under a signal that follows `stop` after that while. Rejects at once when `stop` has been aborted before. */
export async function withLastAnswer<T>(
  clock: Clock,
  stop: AbortSignal,
  send: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  stop.throwIfAborted();
  const answered = new AbortController();
  const late = new AbortController();
  const onStop = () => {
    clock.sleep(LAST_ANSWER_MS, answered.signal).then(
      () => late.abort(stop.reason),
      () => undefined,
    );
  };
  stop.addEventListener('abort', onStop, { once: true });
  try {
    return await send(late.signal);
  } finally {
    stop.removeEventListener('abort', onStop);
    answered.abort();
  }
}
