import { backoffDelayMs } from '../core/backoff.ts';
import type { Clock } from '../core/clock.ts';
import { FencedError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import { Mutex } from '../core/mutex.ts';
import { silentTracer, type Tracer } from '../core/tracer.ts';
import type { DeadLetter, Journal, JournalEntry, LaneCounts, LaneId } from '../model/journal.ts';
import type { Sink, Verdict } from '../model/sink.ts';
import { addCounts, countsOf, emptyCounts, isZero } from './lane-counts.ts';

/** All times in milliseconds. */
export interface LaneSettings {
  readonly firstRetryMs: number;
  /** Slowest rhythm of an open circuit and of a held lane's probes. */
  readonly maxRetryMs: number;
  readonly heldProbeMs: number;
  /** Batches under way at the same time while the destination is well. */
  readonly batchesInFlight: number;
}

export const defaultLaneSettings: LaneSettings = {
  firstRetryMs: 250,
  maxRetryMs: 30_000,
  heldProbeMs: 30_000,
  batchesInFlight: 3,
};

/** Batches kept in memory, those included that ended behind one that is slow: more would only wait with them. */
const MOST_FLIGHTS = 12;

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

/** From this failure in a row on a destination counts as down and is probed by one batch at a time. */
const PROBING_ATTEMPT = 2;
/** From this one it is said in the log, once until it is well again. */
const DOWN_ATTEMPT = 4;

/** A batch under way, and what of it has no end yet. */
interface Flight {
  readonly batch: readonly JournalEntry[];
  open: readonly JournalEntry[];
  done: Promise<void>;
  /** Attempts in a row that brought nothing. Another batch that goes through does not mend this one. */
  attempt: number;
  trouble: string | undefined;
  held: string | undefined;
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
  readonly #tracer: Tracer;
  readonly #random: () => number;
  readonly #settings: LaneSettings;
  /** Under way or ended behind an older one, in the order of the journal. */
  readonly #flights: Flight[] = [];
  /** Two batches that end together must see each other's end, or neither moves the cursor over both. */
  readonly #acknowledging = new Mutex();
  #isDown = false;
  #cursor = 0;
  #launchedSeq = 0;
  #throughMs = 0;
  #counts: LaneCounts = emptyCounts();
  #held: string | undefined;
  #heldSinceMs: number | undefined;
  /** Reasons told since the lane is held: each is said once, however many batches and probes meet it. */
  readonly #saidHeld = new Set<string>();
  /** Why the journal could not be read. */
  #readTrouble: string | undefined;
  #readAttempt = 0;
  #wake: (() => void) | undefined;

  constructor(options: {
    readonly id: LaneId;
    readonly journal: Journal;
    readonly sink: Sink;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly meter: Meter;
    readonly tracer?: Tracer;
    readonly random: () => number;
    readonly settings: LaneSettings;
  }) {
    this.id = options.id;
    this.#journal = options.journal;
    this.#sink = options.sink;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#meter = options.meter;
    this.#tracer = options.tracer ?? silentTracer;
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

  get #trouble(): string | undefined {
    return this.#flights.find((flight) => flight.trouble !== undefined)?.trouble ?? this.#readTrouble;
  }

  /** Says that rows may have come; a lane that waits for some looks at once. */
  wake(): void {
    this.#wake?.();
  }

  async start(): Promise<void> {
    const state = await this.#journal.lane(this.id);
    this.#cursor = state.cursor;
    this.#launchedSeq = state.cursor;
    this.#throughMs = state.throughMs;
    this.#counts = state;
    this.#held = state.heldReason;
    if (state.heldReason !== undefined) this.#saidHeld.add(state.heldReason);
  }

  /** Drains until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const all = AbortSignal.any([signal, failed.signal]);
    while (!all.aborted) {
      const batch = await this.#nextBatch(all);
      if (batch === undefined) await this.#sleepUntilWoken(1_000, all);
      else this.#launch(batch, all, (error) => failed.abort(error));
    }
    await Promise.allSettled(this.#flights.map((flight) => flight.done));
    if (failed.signal.aborted) throw failed.signal.reason;
  }

  /**
   * The next rows to send; undefined when there are none, or when enough is under way. One refusal is weather; from the
   * second in a row nothing new is started: a destination that is down is probed by one batch, not by all of them.
   */
  async #nextBatch(signal: AbortSignal): Promise<readonly JournalEntry[] | undefined> {
    const isDown = this.#flights.some((flight) => flight.attempt >= PROBING_ATTEMPT);
    const limit = isDown || this.#held !== undefined ? 1 : this.#settings.batchesInFlight;
    if (this.#flights.filter((flight) => flight.open.length > 0).length >= limit) return undefined;
    if (this.#flights.length >= MOST_FLIGHTS) return undefined;
    try {
      const batch = await this.#journal.readStream(
        this.id.stream,
        this.#launchedSeq,
        this.#sink.maxBatchEntries,
      );
      this.#readTrouble = undefined;
      this.#readAttempt = 0;
      return batch.length === 0 ? undefined : batch;
    } catch (error) {
      this.#readTrouble = messageOf(error);
      this.#readAttempt += 1;
      await this.#afterError(error, this.#readAttempt, signal);
      return undefined;
    }
  }

  #launch(batch: readonly JournalEntry[], signal: AbortSignal, fail: (error: unknown) => void): void {
    const none = { attempt: 0, trouble: undefined, held: undefined };
    const flight: Flight = { open: batch, batch, done: Promise.resolve(), ...none };
    this.#launchedSeq = batch.at(-1)?.seq ?? this.#launchedSeq;
    this.#flights.push(flight);
    flight.done = this.#deliver(flight, signal)
      .catch(fail)
      .finally(() => this.#wake?.());
  }

  /** Sends until every entry of the batch has an end; the cursor follows the prefix that has one. */
  async #deliver(flight: Flight, signal: AbortSignal): Promise<void> {
    while (flight.open.length > 0) {
      if (signal.aborted) return;
      await this.#attemptOnce(flight, signal).catch((error) => this.#onError(flight, error, signal));
    }
  }

  async #attemptOnce(flight: Flight, signal: AbortSignal): Promise<void> {
    const sent = flight.open;
    const { sink, stream } = this.id;
    const attributes = { sink, stream, records: sent.length };
    const verdict = await this.#tracer.span('gatewatch.send', attributes, () =>
      this.#sink.send(sent, signal),
    );
    const stillOpen = new Set(verdict.retry);
    const open = sent.filter((entry) => stillOpen.has(entry.seq));
    await this.#acknowledging.run(() => this.#acknowledge(flight, open, verdict));
    await this.#pause(flight, verdict, signal);
  }

  async #acknowledge(flight: Flight, open: readonly JournalEntry[], verdict: Verdict): Promise<void> {
    const cursor = this.#acknowledgedPrefix(flight, open);
    const counts = countsOf(verdict);
    if (cursor === this.#cursor && isZero(counts)) {
      flight.open = open;
      return;
    }
    const nowMs = this.#clock.now();
    const result = await this.#journal.ackLane({
      lane: this.id.name,
      epoch: this.#journal.epoch,
      cursor,
      counts,
      deadLetters: this.#deadLetters(flight.batch, verdict, nowMs),
      expired: verdict.expired,
      filtered: verdict.filtered,
      nowMs,
    });
    if (result === 'fenced') throw new FencedError(`Lane ${this.id.name} lost the journal to another worker`);
    flight.open = open;
    this.#cursor = Math.max(this.#cursor, cursor);
    this.#landPrefix();
    this.#counts = addCounts(this.#counts, counts);
    this.#report(counts, verdict);
  }

  /** The last row of the prefix that has an end, once `open` is what is left of `flight`. */
  #acknowledgedPrefix(flight: Flight, open: readonly JournalEntry[]): number {
    let cursor = this.#cursor;
    for (const other of this.#flights) {
      const [firstOpen] = other === flight ? open : other.open;
      for (const { seq } of other.batch) {
        if (firstOpen !== undefined && seq >= firstOpen.seq) return cursor;
        cursor = Math.max(cursor, seq);
      }
    }
    return cursor;
  }

  /** Forgets flights that the cursor has passed; one that ended before an older one waits for it. */
  #landPrefix(): void {
    for (
      let first = this.#flights[0];
      first !== undefined && first.open.length === 0;
      first = this.#flights[0]
    ) {
      for (const { eventMs } of first.batch) this.#throughMs = Math.max(this.#throughMs, eventMs);
      this.#flights.shift();
    }
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

  async #pause(flight: Flight, verdict: Verdict, signal: AbortSignal): Promise<void> {
    if (verdict.held !== undefined) {
      await this.#hold(flight, verdict.held.reason, signal);
      return;
    }
    await this.#release(flight);
    if (verdict.accepted.length > 0) this.#sayWell();
    if (flight.open.length === 0) {
      flight.trouble = undefined;
      if (verdict.slowDownMs !== undefined) await this.#clock.sleep(verdict.slowDownMs, signal);
      return;
    }
    const progressed = verdict.accepted.length + verdict.rejected.length > 0;
    flight.attempt = progressed ? 1 : flight.attempt + 1;
    flight.trouble = verdict.retryReason ?? 'the destination asked to try again';
    this.#meter.count('gatewatch_lane_retries_total', 1, { lane: this.id.name });
    if (flight.attempt >= DOWN_ATTEMPT) this.#sayDown(flight.trouble);
    const ownMs = this.#backoffMs(flight.attempt);
    await this.#clock.sleep(Math.max(ownMs, verdict.retryAfterMs ?? 0), signal);
  }

  #sayDown(reason: string): void {
    if (this.#isDown) return;
    this.#isDown = true;
    this.#logger.warn(
      { lane: this.id.name, reason },
      'the destination is down: nothing is lost, it is tried again and again',
    );
  }

  #sayWell(): void {
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#logger.info({ lane: this.id.name }, 'the destination takes records again');
  }

  #backoffMs(attempt: number): number {
    const { firstRetryMs: firstMs, maxRetryMs: maxMs } = this.#settings;
    return backoffDelayMs(attempt, { firstMs, maxMs, random: this.#random });
  }

  async #hold(flight: Flight, reason: string, signal: AbortSignal): Promise<void> {
    flight.held = reason;
    if (this.#held !== reason) {
      this.#held = reason;
      this.#heldSinceMs ??= this.#clock.now();
      await this.#journal.setLaneHeld(this.id.name, reason);
    }
    if (!this.#saidHeld.has(reason)) {
      this.#saidHeld.add(reason);
      this.#logger.error(
        { lane: this.id.name, reason },
        'lane held: nothing is lost, delivery resumes once this is mended',
      );
    }
    this.#meter.gauge('gatewatch_lane_held', 1, { lane: this.id.name });
    await this.#clock.sleep(this.#settings.heldProbeMs, signal);
    this.#refreshSecrets();
  }

  #refreshSecrets(): void {
    try {
      this.#sink.refreshSecrets();
    } catch (error) {
      this.#logger.warn({ lane: this.id.name, reason: messageOf(error) }, 'a secret could not be read again');
    }
  }

  /** Only when no batch is held any more: one that was sent before the fault may still be answered after it. */
  async #release(flight: Flight): Promise<void> {
    flight.held = undefined;
    if (this.#held === undefined || this.#flights.some((other) => other.held !== undefined)) return;
    this.#held = undefined;
    this.#heldSinceMs = undefined;
    this.#saidHeld.clear();
    this.#meter.gauge('gatewatch_lane_held', 0, { lane: this.id.name });
    this.#logger.info({ lane: this.id.name }, 'lane resumed');
    await this.#journal.setLaneHeld(this.id.name, undefined);
  }

  async #onError(flight: Flight, error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    flight.attempt += 1;
    flight.trouble = messageOf(error);
    await this.#afterError(error, flight.attempt, signal);
  }

  /** Our own failure (a bug, a journal that cannot be written): said, and tried again slowly. Losing the journal ends it. */
  async #afterError(error: unknown, attempt: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    if (error instanceof FencedError) throw error;
    this.#logger.error({ lane: this.id.name, reason: messageOf(error) }, 'lane failed, trying again');
    await this.#clock.sleep(this.#backoffMs(attempt), signal);
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
