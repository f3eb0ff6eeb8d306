import type { CorrelateSettings } from './correlate-settings.ts';
import type { Invocation } from './invocation.ts';
import { ReleaseQueue } from './release-queue.ts';
import type { Waiting } from './waiting-room.ts';

/** An access line may end a moment before its authorizer's REPORT line is stamped. */
const RELEASE_SLACK_MS = 1_000;

/** So many deadlines are no burden, whatever has become of what they are for. */
const SWEPT_FROM = 10_000;

/**
 * Names what may go, and holds nothing of it: by the time it is due it may be settled, forgotten, or read back from the
 * journal.
 */
export interface Due {
  readonly what: 'line' | 'invocation';
  readonly key: string;
}

/** Event time that must have been read whole before the line may go without its partner. */
export function lineDueMs(entry: Waiting): number {
  return entry.endMs + RELEASE_SLACK_MS;
}

/** Whose reading lets the line go. */
export function queueUnitOf(entry: Waiting): string {
  return entry.route.mode === 'connection' ? entry.unit : (entry.authorizerUnit ?? entry.unit);
}

/**
 * When waiting ends: for each unit by event time, as its watermark moves; for everything by the clock, so that a unit
 * that stands still holds nobody for ever; and for what has left, when nothing can revise it any more.
 */
export class ReleaseSchedule {
  readonly #settings: CorrelateSettings;
  readonly #queues = new Map<string, ReleaseQueue<Due>>();
  readonly #deadlines = new ReleaseQueue<Due>();
  readonly #expiries = new ReleaseQueue<string>();
  /** Deadlines from which on it is worth looking which are still needed. */
  #sweptFrom = SWEPT_FROM;
  #expiriesSweptFrom = SWEPT_FROM;

  constructor(settings: CorrelateSettings) {
    this.#settings = settings;
  }

  addLine(entry: Waiting): void {
    this.#add(queueUnitOf(entry), lineDueMs(entry), entry.readMs, { what: 'line', key: entry.key });
  }

  addInvocation(invocation: Invocation): void {
    const due: Due = { what: 'invocation', key: invocation.key };
    this.#add(invocation.unit, this.invocationDueMs(invocation), invocation.readMs, due);
  }

  /** Entries in all queues but that of expiries. */
  get size(): number {
    let size = this.#deadlines.size;
    for (const queue of this.#queues.values()) size += queue.size;
    return size;
  }

  /**
   * Forgets what is no longer held, now and then. Nearly everything is settled long before its deadline: read at full
   * speed, minutes of it would lie here.
   */
  sweep(isHeld: (due: Due) => boolean): void {
    if (this.#deadlines.size < this.#sweptFrom) return;
    this.#deadlines.keepOnly(isHeld);
    for (const queue of this.#queues.values()) queue.keepOnly(isHeld);
    this.#sweptFrom = Math.max(SWEPT_FROM, this.#deadlines.size * 2);
  }

  /** The same for the expiries of lines that waited no longer: their partner came, or they were forgotten early. */
  sweepExpiries(isWaiting: (key: string) => boolean): void {
    if (this.#expiries.size < this.#expiriesSweptFrom) return;
    this.#expiries.keepOnly(isWaiting);
    this.#expiriesSweptFrom = Math.max(SWEPT_FROM, this.#expiries.size * 2);
  }

  /** A line that has left is forgotten by memory at its `closesMs`. */
  addExpiry(entry: Waiting): void {
    this.#expiries.push(entry.closesMs, entry.key);
  }

  /** Behind the watermark of a unit once more. */
  requeue(unit: string, dueMs: number, due: Due): void {
    this.#queue(unit).push(dueMs, due);
  }

  /** Comes again by the clock alone, behind everything that is overdue by then. */
  defer({ key }: Invocation, nowMs: number): void {
    this.#deadlines.push(nowMs, { what: 'invocation', key });
  }

  /** Event time by which every request that could have caused the invocation has ended. */
  invocationDueMs(invocation: Invocation): number {
    return invocation.endMs + this.#settings.longestRequestMs + RELEASE_SLACK_MS;
  }

  /** Takes out what the watermarks have passed. Queue nothing meanwhile. */
  *popRead(watermarkOf: (unit: string) => number | undefined): Generator<Due> {
    for (const [unit, queue] of this.#queues) {
      const watermark = watermarkOf(unit);
      if (watermark !== undefined) yield* queue.popBefore(watermark);
    }
  }

  /** Takes out what has waited longest allowed. */
  popOverdue(nowMs: number): Iterable<Due> {
    return this.#deadlines.popBefore(nowMs);
  }

  /** Takes out the keys of lines that memory may forget. */
  popExpired(nowMs: number): Iterable<string> {
    return this.#expiries.popBefore(nowMs);
  }

  #add(unit: string, dueMs: number, readMs: number, due: Due): void {
    this.#queue(unit).push(dueMs, due);
    this.#deadlines.push(readMs + this.#settings.maxHoldMs, due);
  }

  #queue(unit: string): ReleaseQueue<Due> {
    let queue = this.#queues.get(unit);
    if (queue === undefined) {
      queue = new ReleaseQueue();
      this.#queues.set(unit, queue);
    }
    return queue;
  }
}
