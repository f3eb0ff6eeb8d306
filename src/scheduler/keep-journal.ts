import type { Clock } from '../core/clock.ts';
import { FencedError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Journal } from '../model/journal.ts';
import type { Ingest } from '../pipeline/ingest.ts';

const LEASE_RENEWAL_MS = 5_000;
const PRUNE_MS = 600_000;

export interface KeepJournalOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly journal: Journal;
  /** Called every few seconds: reads secret files again, so that a rotated token takes effect. */
  readonly heartbeat?: () => void;
  /** How long seen keys and settled state are kept, milliseconds. */
  readonly seenForMs: number;
}

/** Keeps other workers out, until aborted. Throws `FencedError` when another one has the journal. */
export async function renewLease(options: KeepJournalOptions, signal: AbortSignal): Promise<void> {
  const { clock, journal, heartbeat } = options;
  while (!signal.aborted) {
    await clock.sleep(LEASE_RENEWAL_MS, signal).catch(() => undefined);
    if (signal.aborted) return;
    heartbeat?.();
    const answer = await journal.renewLease().catch((error) => notWritten(options, 'lease', error));
    if (answer === 'fenced') throw new FencedError('This worker lost the journal to another one and stops');
  }
}

/** Why renewing beside some work ends. */
const DONE = new Error('the work is done');

/**
 * Does some work that may last, such as a first listing under a small quota, and keeps other workers out meanwhile.
 * Throws `FencedError` when another one has the journal.
 */
export async function whileRenewingLease(
  options: KeepJournalOptions,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  const done = new AbortController();
  const lease = renewLease(options, AbortSignal.any([signal, done.signal]));
  await Promise.all([work().finally(() => done.abort(DONE)), lease]);
}

/** Forgets what is no longer asked for, until aborted. */
export async function pruneRegularly(
  options: KeepJournalOptions & { readonly ingest: Pick<Ingest, 'forgetMs'> },
  signal: AbortSignal,
): Promise<void> {
  const { clock, journal, seenForMs, ingest } = options;
  while (!signal.aborted) {
    await clock.sleep(PRUNE_MS, signal).catch(() => undefined);
    if (signal.aborted) return;
    const nowMs = clock.now();
    await pruneBefore(journal, ingest.forgetMs(nowMs), nowMs - seenForMs).catch((error) =>
      notWritten(options, 'prune', error),
    );
  }
}

/** A re-read that is overdue, after a long outage, still has to know what is stored. */
async function pruneBefore(journal: Journal, forgetMs: number, beforeMs: number): Promise<void> {
  const checkpoints = await journal.checkpoints();
  const toRead = checkpoints.flatMap(({ rereads }) => rereads.map(({ fromMs }) => fromMs));
  await journal.prune(forgetMs, Math.min(beforeMs, ...toRead));
}

/** A full or failing disk mends without the worker ending: it is done at the next turn. */
function notWritten({ logger }: KeepJournalOptions, what: string, error: unknown): void {
  logger.warn({ what, reason: messageOf(error) }, 'the journal could not be written; it is tried again');
}
