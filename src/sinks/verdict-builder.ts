import type { JournalEntry } from '../model/journal.ts';
import type { Verdict } from '../model/sink.ts';

/**
 * Collects what became of the pieces of a batch and turns it into a verdict in which every entry stands exactly once.
 * An entry may have several pieces (two envelopes, several points): it is accepted only when all are, and as long as
 * one piece must be sent again the whole entry must. An entry nothing was said about is sent again.
 */
export class VerdictBuilder {
  readonly #accepted = new Set<number>();
  readonly #filtered = new Set<number>();
  readonly #retry = new Set<number>();
  readonly #rejected = new Map<number, string>();
  readonly #expired = new Map<number, string>();
  #unknownCount = 0;
  readonly #unknownMessages = new Set<string>();
  #retryAfterMs: number | undefined;
  #retryReason: string | undefined;
  #heldReason: string | undefined;
  #slowDownMs: number | undefined;

  accept(seq: number): void {
    this.#accepted.add(seq);
  }

  filter(seq: number): void {
    this.#filtered.add(seq);
  }

  reject(seq: number, reason: string): void {
    if (!this.#rejected.has(seq)) this.#rejected.set(seq, reason);
  }

  expire(seq: number, reason: string): void {
    this.#expired.set(seq, reason);
  }

  retry(seq: number): void {
    this.#retry.add(seq);
  }

  /** The first reason is kept: later ones follow from it. The longest wait asked for wins. */
  retryBecause(reason: string, retryAfterMs?: number): void {
    this.#retryReason ??= reason;
    if (retryAfterMs !== undefined) this.#retryAfterMs = Math.max(this.#retryAfterMs ?? 0, retryAfterMs);
  }

  holdBecause(reason: string): void {
    this.#heldReason ??= reason;
    this.#retryReason ??= reason;
  }

  slowDown(ms: number): void {
    this.#slowDownMs = Math.max(this.#slowDownMs ?? 0, ms);
  }

  rejectUnknown(count: number, message: string): void {
    this.#unknownCount += count;
    this.#unknownMessages.add(message);
  }

  build(batch: readonly Pick<JournalEntry, 'seq'>[]): Verdict {
    const lists = {
      accepted: [] as number[],
      rejected: [] as { seq: number; reason: string }[],
      expired: [] as { seq: number; reason: string }[],
      filtered: [] as number[],
      retry: [] as number[],
    };
    for (const { seq } of batch) this.#place(seq, lists);
    return { ...lists, ...this.#remarks(lists.retry.length > 0) };
  }

  #place(
    seq: number,
    lists: {
      accepted: number[];
      rejected: { seq: number; reason: string }[];
      expired: { seq: number; reason: string }[];
      filtered: number[];
      retry: number[];
    },
  ): void {
    const rejected = this.#rejected.get(seq);
    const expired = this.#expired.get(seq);
    if (this.#retry.has(seq)) lists.retry.push(seq);
    else if (rejected !== undefined) lists.rejected.push({ seq, reason: rejected });
    else if (expired !== undefined) lists.expired.push({ seq, reason: expired });
    else if (this.#accepted.has(seq)) lists.accepted.push(seq);
    else if (this.#filtered.has(seq)) lists.filtered.push(seq);
    else lists.retry.push(seq);
  }

  #remarks(
    somethingToRetry: boolean,
  ): Omit<Verdict, 'accepted' | 'rejected' | 'expired' | 'filtered' | 'retry'> {
    const unknown = { count: this.#unknownCount, message: [...this.#unknownMessages].join('; ') };
    const retryReason = this.#retryReason ?? (somethingToRetry ? 'not attempted' : undefined);
    return {
      ...(unknown.count > 0 ? { rejectedUnknown: unknown } : {}),
      ...(this.#retryAfterMs === undefined ? {} : { retryAfterMs: this.#retryAfterMs }),
      ...(retryReason === undefined ? {} : { retryReason }),
      ...(this.#heldReason === undefined ? {} : { held: { reason: this.#heldReason } }),
      ...(this.#slowDownMs === undefined ? {} : { slowDownMs: this.#slowDownMs }),
    };
  }
}
