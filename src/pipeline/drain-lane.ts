import { backoffDelayMs } from '../core/backoff.ts';
import type { Clock } from '../core/clock.ts';
import { FencedError, GatewatchError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import { Mutex } from '../core/mutex.ts';
import { silentTracer, type Tracer } from '../core/tracer.ts';
import type { Journal, JournalEntry, LaneCounts, LaneId } from '../model/journal.ts';
import type { Sink, Verdict } from '../model/sink.ts';
import { Circuits } from './circuit.ts';
import { acknowledgedPrefix, deadLettersOf, type Flight, newFlight } from './flight.ts';
import { HeldMark } from './held-mark.ts';
import { addCounts, countsOf, emptyCounts, isZero } from './lane-counts.ts';
import { hasProgress, LaneGates, type Leave, type Pace, type RightOfWay } from './lane-gates.ts';
import { LaneVoice } from './lane-voice.ts';
import { withLastAnswer } from './last-answer.ts';

/** All times in milliseconds. */
export interface LaneSettings {
  readonly firstRetryMs: number;
  /** Slowest rhythm of an open circuit. */
  readonly maxRetryMs: number;
  /** Rhythm of a held lane's probes. */
  readonly heldProbeMs: number;
  /** Batches under way at the same time while the destination is well. */
  readonly batchesInFlight: number;
  /** How often a lane looks for rows that nobody told it of; absent: every second. */
  readonly lookMs?: number;
}

export const defaultLaneSettings: LaneSettings = {
  firstRetryMs: 250,
  maxRetryMs: 30_000,
  heldProbeMs: 30_000,
  batchesInFlight: 4,
};

/** Batches remembered, those included that ended behind one that is slow: more would only wait with them. */
const MOST_FLIGHTS = 12;

/** Stored text of one batch: what a destination is sent of it is about one and a half times as long, one body. */
const MAX_BATCH_BYTES = 600 * 1_024;
const LOOK_MS = 1_000;
/** Why a sleep ended. One for all: each its own would cost more than the look it saves. */
const AWAKE = new Error('there may be something to send');

/** What a lane says of itself, for health and for people. */
export interface LaneStatus {
  readonly lane: LaneId;
  readonly cursor: number;
  readonly throughMs: number;
  readonly counts: LaneCounts;
  readonly held: string | undefined;
  /** When this worker was first told so; undefined while that is only known from the one before it. */
  readonly heldSinceMs: number | undefined;
  /** How often a held lane is tried, milliseconds. */
  readonly heldProbeMs: number;
  /** Why the last attempt did not deliver everything; undefined when it did. */
  readonly trouble: string | undefined;
}

/** What a lane needs of the journal. */
export type LaneJournal = Pick<Journal, 'epoch' | 'lane' | 'readLane' | 'rowsAt' | 'ackLane' | 'setLaneHeld'>;

/** From this failure in a row on it is said in the log that a destination is down, once until it is well again. */
const DOWN_ATTEMPT = 4;

/**
 * Delivers one lane: reads the journal behind its cursor in order, sends, and moves the cursor over the acknowledged
 * prefix. Nothing is given up for attempts or age except what the sink says has left its published window. A held lane
 * says so once, and one batch probes it slowly, after reading its secrets again. Other lanes never notice. What is under
 * way is not kept in memory: only which rows they are.
 */
export class LaneDrain {
  readonly id: LaneId;
  readonly #journal: LaneJournal;
  readonly #sink: Sink;
  readonly #clock: Clock;
  readonly #tracer: Tracer;
  readonly #random: () => number;
  readonly #settings: LaneSettings;
  readonly #voice: LaneVoice;
  readonly #gates: LaneGates;
  readonly #mark: HeldMark;
  readonly #pace: Pace | undefined;
  /** Under way or ended behind an older one, in the order of the journal. */
  readonly #flights: Flight[] = [];
  /** Two batches that end together must see each other's end, or neither moves the cursor over both. */
  readonly #acknowledging = new Mutex();
  #cursor = 0;
  #launchedSeq = 0;
  #throughMs = 0;
  #counts: LaneCounts = emptyCounts();
  /** No new batch before this time of the monotonic clock: the destination has asked for a pause. */
  #notBeforeMs = 0;
  /** Why the journal could not be read. */
  #readTrouble: string | undefined;
  #readAttempt = 0;
  #wake: (() => void) | undefined;
  /** How often it was told of new rows: a look that began before the last time does not count as one. */
  #wakes = 0;
  /** The last look into the journal found nothing more to launch. */
  #foundNothing = false;

  constructor(options: {
    readonly id: LaneId;
    readonly journal: LaneJournal;
    readonly sink: Sink;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly meter: Meter;
    readonly tracer?: Tracer;
    readonly random: () => number;
    readonly settings: LaneSettings;
    /** Shared with the other lanes of the sink; absent: the lane has one of its own. */
    readonly circuits?: Circuits;
    /** Who goes first; absent: nobody. */
    readonly way?: RightOfWay;
    /** Absent: as fast as the sink takes it. */
    readonly pace?: Pace;
  }) {
    const { id, sink, clock } = options;
    this.id = id;
    this.#journal = options.journal;
    this.#sink = sink;
    this.#clock = clock;
    this.#tracer = options.tracer ?? silentTracer;
    this.#random = options.random;
    this.#settings = options.settings;
    const { heldProbeMs } = options.settings;
    this.#voice = new LaneVoice({ ...options, lane: id.name, heldProbeMs });
    const backoffMs = (attempt: number) => this.#backoffMs(attempt);
    this.#mark = new HeldMark({ ...options, lane: id.name, voice: this.#voice, backoffMs });
    const circuits = options.circuits ?? new Circuits(options);
    const precedence = options.way === undefined ? 'first' : 'giving_way';
    const circuit = circuits.of(sink.name, sink.endpointOf?.(id.stream) ?? '', precedence);
    this.#pace = options.pace;
    this.#gates = new LaneGates({ clock, circuit, heldProbeMs, way: options.way });
  }

  get status(): LaneStatus {
    return {
      lane: this.id,
      cursor: this.#cursor,
      throughMs: this.#throughMs,
      counts: this.#counts,
      held: this.#mark.reason,
      heldSinceMs: this.#mark.sinceMs,
      heldProbeMs: this.#settings.heldProbeMs,
      trouble: this.#trouble,
    };
  }

  get #trouble(): string | undefined {
    return this.#flights.find((flight) => flight.trouble !== undefined)?.trouble ?? this.#readTrouble;
  }

  /** True while every row it knows of is delivered or on its way without trouble: a lower class may send beside it. */
  get isAtEase(): boolean {
    return this.#foundNothing && this.#mark.reason === undefined && this.#trouble === undefined;
  }

  /** Says that rows may have come; a lane that waits for some looks at once. */
  wake(): void {
    this.#foundNothing = false;
    this.#wakes += 1;
    this.#wake?.();
  }

  async start(): Promise<void> {
    const state = await this.#journal.lane(this.id);
    this.#cursor = state.cursor;
    this.#launchedSeq = state.cursor;
    this.#throughMs = state.throughMs;
    this.#counts = state;
    this.#mark.start(state.heldReason);
  }

  /** Drains until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const all = AbortSignal.any([signal, failed.signal]);
    while (!all.aborted) {
      await this.#mark.settle();
      const launched = await this.#launchNext(all, (error) => failed.abort(error));
      if (!launched) await this.#sleepUntilWoken(this.#settings.lookMs ?? LOOK_MS, all);
    }
    await Promise.allSettled(this.#flights.map((flight) => flight.done));
    if (failed.signal.aborted) throw failed.signal.reason;
    await this.#mark.end();
  }

  /** False when there is nothing to send, or when enough is under way. */
  async #launchNext(signal: AbortSignal, fail: (error: unknown) => void): Promise<boolean> {
    await this.#sitOutPause(signal);
    if (signal.aborted || !this.#hasRoom()) return false;
    const batch = await this.#nextBatch(signal);
    if (this.#foundNothing && this.#flights.length === 0) await this.#mark.release();
    if (batch.length === 0) return false;
    const flight = newFlight(batch);
    this.#launchedSeq = batch.at(-1)?.seq ?? this.#launchedSeq;
    this.#flights.push(flight);
    flight.done = this.#deliver(flight, signal)
      .catch(fail)
      .finally(() => this.#wake?.());
    return true;
  }

  /** A destination that is down or holds the lane is probed by one batch, not by ever more of them. */
  #hasRoom(): boolean {
    const limit = this.#gates.isDown || this.#mark.reason !== undefined ? 1 : this.#settings.batchesInFlight;
    const open = this.#flights.filter((flight) => flight.open.length > 0).length;
    return open < limit && this.#flights.length < MOST_FLIGHTS;
  }

  async #sitOutPause(signal: AbortSignal): Promise<void> {
    const waitMs = this.#notBeforeMs - this.#clock.monotonic();
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal).catch(() => undefined);
  }

  async #nextBatch(signal: AbortSignal): Promise<readonly JournalEntry[]> {
    const wakes = this.#wakes;
    try {
      const { maxBatchEntries } = this.#sink;
      const batch = await this.#journal.readLane(
        this.id,
        this.#launchedSeq,
        maxBatchEntries,
        MAX_BATCH_BYTES,
      );
      this.#foundNothing = batch.length === 0 && wakes === this.#wakes;
      this.#readTrouble = undefined;
      this.#readAttempt = 0;
      return batch;
    } catch (error) {
      this.#readTrouble = messageOf(error);
      this.#readAttempt += 1;
      await this.#afterError(error, this.#readAttempt, signal);
      return [];
    }
  }

  /** Sends until every entry of the batch has an end; the cursor follows the prefix that has one. */
  async #deliver(flight: Flight, signal: AbortSignal): Promise<void> {
    while (flight.open.length > 0) {
      if (signal.aborted) return;
      await this.#attemptOnce(flight, signal).catch((error) => this.#onError(flight, error, signal));
    }
  }

  async #attemptOnce(flight: Flight, signal: AbortSignal): Promise<void> {
    await this.#pace?.(flight.open.length, signal);
    const leave = await this.#gates.turn(signal);
    const verdict = await this.#send(flight, leave, signal);
    this.#gates.tell(leave, verdict);
    const stillOpen = new Set(verdict.retry);
    const open = flight.open.filter((seq) => stillOpen.has(seq));
    // Only once a probe came back well: older batches may be answered late. Before the rows count as delivered: who sees
    // that must see that the lane is well.
    if (verdict.held === undefined && !this.#gates.isHeld) await this.#mark.release();
    await this.#acknowledging.run(() => this.#acknowledge(flight, open, verdict));
    if (verdict.held === undefined) await this.#goOn(flight, verdict, signal);
    else await this.#mark.hold(verdict.held.reason);
  }

  async #send(flight: Flight, leave: Leave, signal: AbortSignal): Promise<Verdict> {
    try {
      if (leave.hold.isProbe) this.#refreshSecrets();
      // Handed over, not kept: the sink forgets the rows once they are encoded, long before it has an answer.
      const parcel = { entries: await this.#entriesOf(flight) };
      const attributes = {
        sink: this.id.sink,
        stream: this.id.stream,
        records: parcel.entries.length,
      };
      return await this.#tracer.span('gatewatch.send', attributes, () => {
        const { entries } = parcel;
        parcel.entries = [];
        return withLastAnswer(this.#clock, signal, (last) => this.#sink.send(entries, last));
      });
    } catch (error) {
      this.#gates.giveBack(leave);
      throw error;
    }
  }

  async #entriesOf(flight: Flight): Promise<readonly JournalEntry[]> {
    const { entries, open } = flight;
    flight.entries = undefined;
    if (entries !== undefined) return entries;
    const again = await this.#journal.rowsAt(open);
    if (again.length === open.length) return again;
    throw new GatewatchError(
      'journal_rows_missing',
      `Expected ${open.length} undelivered rows of lane ${this.id.name} in the journal, got ${again.length}: they were removed from the file by hand. Restore it, or start with a new journal.`,
    );
  }

  async #acknowledge(flight: Flight, open: readonly number[], verdict: Verdict): Promise<void> {
    const cursor = acknowledgedPrefix(this.#flights, this.#cursor, flight, open);
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
      deadLetters: deadLettersOf(flight, verdict, this.id.name, nowMs),
      expired: verdict.expired,
      filtered: verdict.filtered,
      repeatsCount: this.#sink.repeatsCount === true,
      nowMs,
    });
    if (result === 'fenced') throw new FencedError(`Lane ${this.id.name} lost the journal to another worker`);
    flight.open = open;
    this.#cursor = Math.max(this.#cursor, cursor);
    this.#landPrefix();
    this.#counts = addCounts(this.#counts, counts);
    this.#voice.delivered(counts, verdict);
  }

  /** Forgets flights that the cursor has passed; one that ended before an older one waits for it. */
  #landPrefix(): void {
    for (let [first] = this.#flights; first?.open.length === 0; [first] = this.#flights) {
      this.#throughMs = Math.max(this.#throughMs, first.throughMs);
      this.#flights.shift();
    }
  }

  async #goOn(flight: Flight, verdict: Verdict, signal: AbortSignal): Promise<void> {
    if (verdict.accepted.length > 0) this.#voice.well();
    if (verdict.slowDownMs !== undefined) this.#notBeforeMs = this.#clock.monotonic() + verdict.slowDownMs;
    if (flight.open.length === 0) {
      flight.trouble = undefined;
      return;
    }
    flight.attempt = hasProgress(verdict) ? 1 : flight.attempt + 1;
    flight.trouble = verdict.retryReason ?? 'the destination asked to try again';
    this.#voice.retried();
    if (Math.max(flight.attempt, this.#gates.failures) >= DOWN_ATTEMPT) this.#voice.down(flight.trouble);
    // A destination that is down is the circuit's business: it decides who asks next, and when.
    if (this.#gates.isDown) return;
    const ownMs = this.#backoffMs(flight.attempt);
    await this.#clock.sleep(Math.max(ownMs, verdict.retryAfterMs ?? 0), signal);
  }

  #refreshSecrets(): void {
    try {
      this.#sink.refreshSecrets();
    } catch (error) {
      this.#voice.secretsUnread(messageOf(error));
    }
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
    this.#voice.failed(messageOf(error));
    await this.#clock.sleep(this.#backoffMs(attempt), signal);
  }

  #backoffMs(attempt: number): number {
    const { firstRetryMs: firstMs, maxRetryMs: maxMs } = this.#settings;
    return backoffDelayMs(attempt, { firstMs, maxMs, random: this.#random });
  }

  async #sleepUntilWoken(ms: number, signal: AbortSignal): Promise<void> {
    const sleeping = new AbortController();
    const wake = () => sleeping.abort(AWAKE);
    this.#wake = wake;
    signal.addEventListener('abort', wake, { once: true });
    if (signal.aborted) wake();
    await this.#clock.sleep(ms, sleeping.signal).catch(() => undefined);
    signal.removeEventListener('abort', wake);
    this.#wake = undefined;
  }
}
