import { backoffDelayMs } from '../core/backoff.ts';
import type { Clock } from '../core/clock.ts';
import { FencedError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import type { DeadLetter, Journal, JournalEntry, LaneCounts, LaneId } from '../model/journal.ts';
import type { Sink, Verdict } from '../model/sink.ts';

/** All times in milliseconds. */
export interface LaneSettings {
  readonly firstRetryMs: number;
  /** Slowest rhythm of an open circuit and of a held lane's probes. */
  readonly maxRetryMs: number;
  readonly heldProbeMs: number;
}

export const defaultLaneSettings: LaneSettings = {
  firstRetryMs: 500,
  maxRetryMs: 30_000,
  heldProbeMs: 30_000,
};

/** What a lane says of itself, for health and for people. */
export interface LaneStatus {
  readonly lane: LaneId;
  readonly cursor: number;
  readonly throughMs: number;
  readonly counts: LaneCounts;
  readonly held: string | undefined;
  readonly heldSinceMs: number | undefined;
  /** Why the last attempt did not deliver everything; undefined when it did. */
  readonly trouble: string | undefined;
}

/**
 * Delivers one lane: reads the journal behind its cursor in order, sends, and moves the cursor over the acknowledged
 * prefix. Nothing is given up for attempts or age except what the sink says has left its published window. A held lane
 * says so once, reads its secrets again and probes slowly. Other lanes never notice.
 */
export class LaneDrain {
  readonly id: LaneId;
  readonly #journal: Journal;
  readonly #sink: Sink;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #meter: Meter;
  readonly #random: () => number;
  readonly #settings: LaneSettings;
  #cursor = 0;
  #throughMs = 0;
  #counts: LaneCounts = emptyCounts();
  #held: string | undefined;
  #heldSinceMs: number | undefined;
  #trouble: string | undefined;
  #attempt = 0;
  #wake: (() => void) | undefined;

  constructor(options: {
    readonly id: LaneId;
    readonly journal: Journal;
    readonly sink: Sink;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly meter: Meter;
    readonly random: () => number;
    readonly settings: LaneSettings;
  }) {
    this.id = options.id;
    this.#journal = options.journal;
    this.#sink = options.sink;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#meter = options.meter;
    this.#random = options.random;
    this.#settings = options.settings;
  }

  get status(): LaneStatus {
    return {
      lane: this.id,
      cursor: this.#cursor,
      throughMs: this.#throughMs,
      counts: this.#counts,
      held: this.#held,
      heldSinceMs: this.#heldSinceMs,
      trouble: this.#trouble,
    };
  }

  /** Says that rows may have come; a lane that waits for some looks at once. */
  wake(): void {
    this.#wake?.();
  }

  async start(): Promise<void> {
    const state = await this.#journal.lane(this.id);
    this.#cursor = state.cursor;
    this.#throughMs = state.throughMs;
    this.#counts = state;
    this.#held = state.heldReason;
  }

  /** Drains until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const moved = await this.#drainBatch(signal).catch((error) => this.#onError(error, signal));
      if (!moved) await this.#sleepUntilWoken(1_000, signal);
    }
  }

  /** Drains what stands in the journal now and returns; false when the signal cut it short. */
  async drainOnce(signal: AbortSignal): Promise<boolean> {
    const target = await this.#journal.lastSeq();
    while (this.#cursor < target) {
      if (signal.aborted) return false;
      if (!(await this.#drainBatch(signal).catch((error) => this.#onError(error, signal)))) break;
    }
    return !signal.aborted;
  }

  async #drainBatch(signal: AbortSignal): Promise<boolean> {
    const batch = await this.#journal.readStream(this.id.stream, this.#cursor, this.#sink.maxBatchEntries);
    if (batch.length === 0) return false;
    await this.#deliver(batch, signal);
    return true;
  }

  /** Sends until every entry of the batch has an end; the cursor follows the prefix that has one. */
  async #deliver(batch: readonly JournalEntry[], signal: AbortSignal): Promise<void> {
    let open = batch;
    while (open.length > 0) {
      signal.throwIfAborted();
      const verdict = await this.#sink.send(open, signal);
      const stillOpen = new Set(verdict.retry);
      open = open.filter((entry) => stillOpen.has(entry.seq));
      await this.#acknowledge(batch, open, verdict);
      await this.#pause(verdict, open.length, signal);
    }
  }

  async #acknowledge(
    batch: readonly JournalEntry[],
    open: readonly JournalEntry[],
    verdict: Verdict,
  ): Promise<void> {
    const firstOpen = open[0]?.seq ?? Number.POSITIVE_INFINITY;
    const done = batch.filter((entry) => entry.seq < firstOpen);
    const cursor = Math.max(this.#cursor, done.at(-1)?.seq ?? 0);
    const counts = countsOf(verdict);
    if (cursor === this.#cursor && isZero(counts)) return;
    const nowMs = this.#clock.now();
    const result = await this.#journal.ackLane({
      lane: this.id.name,
      epoch: this.#journal.epoch,
      cursor,
      counts,
      deadLetters: this.#deadLetters(batch, verdict, nowMs),
      expired: verdict.expired,
      nowMs,
    });
    if (result === 'fenced') throw new FencedError(`Lane ${this.id.name} lost the journal to another worker`);
    this.#cursor = cursor;
    for (const entry of done) this.#throughMs = Math.max(this.#throughMs, entry.eventMs);
    this.#counts = addCounts(this.#counts, counts);
    this.#report(counts, verdict);
  }

  #deadLetters(batch: readonly JournalEntry[], verdict: Verdict, atMs: number): DeadLetter[] {
    const bySeq = new Map(batch.map((entry) => [entry.seq, entry]));
    return verdict.rejected.flatMap(({ seq, reason }) => {
      const entry = bySeq.get(seq);
      if (entry === undefined) return [];
      return [{ lane: this.id.name, seq, recordId: entry.recordId, eventId: entry.eventId, reason, atMs }];
    });
  }

  #report(counts: LaneCounts, verdict: Verdict): void {
    const labels = { lane: this.id.name };
    this.#meter.count('gatewatch_lane_accepted_total', counts.accepted, labels);
    this.#meter.count('gatewatch_lane_rejected_total', counts.rejected, labels);
    this.#meter.count('gatewatch_lane_rejected_unknown_total', counts.rejectedUnknown, labels);
    this.#meter.count('gatewatch_lane_expired_total', counts.expired, labels);
    this.#meter.count('gatewatch_lane_filtered_total', counts.filtered, labels);
    for (const { seq, reason } of verdict.rejected) {
      this.#logger.warn({ ...labels, seq, reason }, 'the destination refused a record for good: dead letter');
    }
    if (verdict.rejectedUnknown !== undefined) {
      const { count, message } = verdict.rejectedUnknown;
      this.#logger.warn({ ...labels, count, message }, 'the destination refused records without naming them');
    }
  }

  async #pause(verdict: Verdict, open: number, signal: AbortSignal): Promise<void> {
    if (verdict.held !== undefined) {
      await this.#hold(verdict.held.reason, signal);
      return;
    }
    await this.#release();
    if (open === 0) {
      this.#attempt = 0;
      this.#trouble = undefined;
      if (verdict.slowDownMs !== undefined) await this.#clock.sleep(verdict.slowDownMs, signal);
      return;
    }
    const progressed = verdict.accepted.length + verdict.rejected.length > 0;
    this.#attempt = progressed ? 1 : this.#attempt + 1;
    this.#trouble = verdict.retryReason ?? 'the destination asked to try again';
    const ownMs = backoffDelayMs(this.#attempt, {
      firstMs: this.#settings.firstRetryMs,
      maxMs: this.#settings.maxRetryMs,
      random: this.#random,
    });
    this.#meter.count('gatewatch_lane_retries_total', 1, { lane: this.id.name });
    await this.#clock.sleep(Math.max(ownMs, verdict.retryAfterMs ?? 0), signal);
  }

  async #hold(reason: string, signal: AbortSignal): Promise<void> {
    if (this.#held !== reason) {
      this.#held = reason;
      this.#heldSinceMs ??= this.#clock.now();
      this.#logger.error(
        { lane: this.id.name, reason },
        'lane held: nothing is lost, delivery resumes once this is mended',
      );
      await this.#journal.setLaneHeld(this.id.name, reason);
    }
    this.#meter.gauge('gatewatch_lane_held', 1, { lane: this.id.name });
    await this.#clock.sleep(this.#settings.heldProbeMs, signal);
    this.#refreshSecrets();
  }

  #refreshSecrets(): void {
    try {
      this.#sink.refreshSecrets();
    } catch (error) {
      this.#trouble = messageOf(error);
      this.#logger.warn({ lane: this.id.name, reason: this.#trouble }, 'a secret could not be read again');
    }
  }

  async #release(): Promise<void> {
    if (this.#held === undefined) return;
    this.#held = undefined;
    this.#heldSinceMs = undefined;
    this.#meter.gauge('gatewatch_lane_held', 0, { lane: this.id.name });
    this.#logger.info({ lane: this.id.name }, 'lane resumed');
    await this.#journal.setLaneHeld(this.id.name, undefined);
  }

  /** Our own failure (a bug, a journal that cannot be written): said, and tried again slowly. Losing the journal ends it. */
  async #onError(error: unknown, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (error instanceof FencedError) throw error;
    this.#attempt += 1;
    this.#trouble = messageOf(error);
    this.#logger.error({ lane: this.id.name, reason: this.#trouble }, 'lane failed, trying again');
    const { firstRetryMs: firstMs, maxRetryMs: maxMs } = this.#settings;
    await this.#clock.sleep(backoffDelayMs(this.#attempt, { firstMs, maxMs, random: this.#random }), signal);
    return true;
  }

  async #sleepUntilWoken(ms: number, signal: AbortSignal): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const timer = new AbortController();
    const both = AbortSignal.any([signal, timer.signal]);
    const slept = this.#clock.sleep(ms, both).catch(() => undefined);
    await Promise.race([woken, slept]);
    timer.abort();
    this.#wake = undefined;
  }
}

export function emptyCounts(): LaneCounts {
  return { accepted: 0, rejected: 0, rejectedUnknown: 0, expired: 0, filtered: 0 };
}

function countsOf(verdict: Verdict): LaneCounts {
  const unknown = verdict.rejectedUnknown?.count ?? 0;
  return {
    accepted: verdict.accepted.length - unknown,
    rejected: verdict.rejected.length,
    rejectedUnknown: unknown,
    expired: verdict.expired.length,
    filtered: verdict.filtered.length,
  };
}

function addCounts(a: LaneCounts, b: LaneCounts): LaneCounts {
  return {
    accepted: a.accepted + b.accepted,
    rejected: a.rejected + b.rejected,
    rejectedUnknown: a.rejectedUnknown + b.rejectedUnknown,
    expired: a.expired + b.expired,
    filtered: a.filtered + b.filtered,
  };
}

function isZero(counts: LaneCounts): boolean {
  return counts.accepted + counts.rejected + counts.rejectedUnknown + counts.expired + counts.filtered === 0;
}
