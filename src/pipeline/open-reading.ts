import type { Clock } from '../core/clock.ts';
import type { SeenKey } from '../model/journal.ts';
import type { Window } from '../model/source-event.ts';
import type { FreshParts } from './fresh-parts.ts';
import type { IngestBatch } from './ingest-batch.ts';

/** Longest that readings wait for one that is behind them, milliseconds: then they go on without it until it moves. */
const PATIENCE_MS = 2_000;
/** How many commits' worth of events may lie in memory before a commit no longer waits for who is behind. */
const MOST_BATCHES = 4;

/** First-time events of a window that are on disk before it gives way to deliveries: a small one is done by then. */
const MUCH = 1_000;
/** Longest that it gives way after one page. */
const LONGEST_WAY_MS = 1_000;
/** And altogether, of the time that it covers: a slow destination must not keep a group from being read as fast as it grows. */
const LONGEST_WAYS_SHARE = 0.2;
const LOOK_MS = 10;

/** Why waiting for others ends before its time. */
const ENOUGH = new Error('nobody is behind any more');

type Position = IngestBatch['next'];

/** Told of events that are on disk from now on. */
type OnStored = (seen: readonly SeenKey[]) => void;

interface Listener {
  readonly unit: string;
  readonly onStored: OnStored;
}

/** One window under way. */
export interface ReadingOptions {
  readonly unit: string;
  readonly window: Window;
  readonly fresh: FreshParts;
  /** Events per commit, of all readings that go together. */
  readonly batchEvents: number;
  /** False: commits by itself, whatever else is read. */
  readonly together: boolean;
}

/**
 * Commits what `compose` returns when its turn has come, in one transaction. `failed` is told before anybody else has a
 * turn: what was taken along is lost, and no position may move over it.
 */
export type CommitTogether = (
  compose: () => readonly IngestBatch[],
  failed: (error: unknown) => void,
) => Promise<void>;

export interface ReadingsOptions {
  readonly clock: Clock;
  readonly commit: CommitTogether;
  /** True while deliveries that are well have more before them than they can send. */
  readonly isCrowded: () => boolean;
}

/**
 * The windows that are being read. Those that overlap in time go side by side and are committed together, so that a line
 * and its partner from another group mostly meet in one commit and neither has to be written down as waiting: who is
 * ahead waits a moment for who is behind, and what is younger than the slowest has come to stays for the next commit.
 */
export class Readings {
  readonly #options: ReadingsOptions;
  readonly #open = new Set<Reading>();
  readonly #waiting = new Set<() => void>();
  readonly #listeners = new Set<Listener>();

  constructor(options: ReadingsOptions) {
    this.#options = options;
  }

  begin(options: ReadingOptions): Reading {
    const reading = new Reading(options, this);
    this.#open.add(reading);
    return reading;
  }

  close(reading: Reading): void {
    this.#open.delete(reading);
    this.stir();
  }

  /** Tells `onStored` what is stored of a unit, before the next commit has its turn. Returns what ends that. */
  onStored(unit: string, onStored: OnStored): () => void {
    const listener = { unit, onStored };
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** These events of the unit are on disk. */
  stored(unit: string, seen: readonly SeenKey[]): void {
    const [first] = seen;
    if (first === undefined) return;
    for (const { unit: name, onStored } of this.#listeners) if (name === unit) onStored(seen);
  }

  /** Wakes who waits for another reading. */
  stir(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Readings that overlap with this one, itself left out; one for each unit. */
  beside(reading: Reading): Reading[] {
    if (!reading.together) return [];
    const units = new Set([reading.unit]);
    const found: Reading[] = [];
    for (const other of this.#open) {
      if (!other.together || units.has(other.unit) || !overlap(other.window, reading.window)) continue;
      units.add(other.unit);
      found.push(other);
    }
    return found;
  }

  /** Resolves when nobody who reads is behind `atMs`, or after a while. */
  async waitForOthers(reading: Reading, atMs: number): Promise<void> {
    const { clock } = this.#options;
    const behind = () => this.beside(reading).filter((other) => other.holdsUp && other.throughMs < atMs);
    if (behind().length === 0) return;
    const enough = new AbortController();
    let isOver = false;
    const end = () => {
      isOver = true;
      for (const other of behind()) other.isLate = true;
      this.stir();
    };
    const timer = clock.sleep(PATIENCE_MS, enough.signal).then(end, () => undefined);
    while (!isOver && behind().length > 0) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
    enough.abort(ENOUGH);
    await timer;
  }

  /**
   * Lets deliveries catch up with what was read, for `longestMs` at most, and none that is in trouble: what was committed a
   * moment ago is sent from memory, and the first lines of a window need not wait for its last. Returns milliseconds.
   */
  async giveWay(longestMs = LONGEST_WAY_MS): Promise<number> {
    const { clock, isCrowded } = this.#options;
    const beganMs = clock.monotonic();
    while (isCrowded() && clock.monotonic() < beganMs + longestMs) await clock.sleep(LOOK_MS);
    return clock.monotonic() - beganMs;
  }

  commit(...turn: Parameters<CommitTogether>): Promise<void> {
    return this.#options.commit(...turn);
  }
}

function overlap(a: Window, b: Window): boolean {
  return a.fromMs < b.toMs && b.fromMs < a.toMs;
}

/** The last batch of a window on its way: it takes the position along, in whichever commit it goes. */
interface Ending {
  readonly next: Position;
  isTaken: boolean;
}

/** One window under way, from its first page to its last commit. Close it, whatever happens. */
export class Reading {
  readonly #options: ReadingOptions;
  readonly #all: Readings;
  /** Waits for nobody: pages of it are on their way. */
  #isReading = true;
  /** Others waited for it in vain since its last page. */
  isLate = false;
  #ending: Ending | undefined;
  #gaveWayMs = 0;
  /** A commit that took parts of this reading along has failed: the window breaks off. */
  #failure: { readonly error: unknown } | undefined;

  constructor(options: ReadingOptions, all: Readings) {
    this.#options = options;
    this.#all = all;
  }

  get unit(): string {
    return this.#options.unit;
  }

  get window(): Window {
    return this.#options.window;
  }

  get together(): boolean {
    return this.#options.together;
  }

  /** True when who is ahead waits for it. */
  get holdsUp(): boolean {
    return this.#isReading && !this.isLate;
  }

  /** Parts that lie in memory, up to a time if one is given. */
  pendingThrough(throughMs?: number): number {
    return this.#options.fresh.pendingThrough(throughMs);
  }

  /** Event time that was read through; the end of the window once its last page has come. */
  get throughMs(): number {
    const { window, fresh } = this.#options;
    return this.#ending === undefined ? Math.max(window.fromMs, fresh.throughMs) : window.toMs;
  }

  /** A page was taken in: commits what is due, and waits for readings that are behind. */
  async arrived(): Promise<void> {
    this.#throwFailure();
    this.#stop();
    await this.#commitWhatIsDue();
    await this.#all.waitForOthers(this, this.throughMs);
    this.#isReading = true;
    if (this.#options.fresh.total >= MUCH) await this.#giveWay();
    this.#throwFailure();
  }

  async #giveWay(): Promise<void> {
    const leftMs = (this.window.toMs - this.window.fromMs) * LONGEST_WAYS_SHARE - this.#gaveWayMs;
    this.#gaveWayMs += await this.#all.giveWay(Math.min(LONGEST_WAY_MS, leftMs));
  }

  /** The last page was taken in: commits the rest, with the position that the unit then has. */
  async finish(next: Position): Promise<void> {
    this.#throwFailure();
    const ending: Ending = { next, isTaken: false };
    this.#ending = ending;
    this.#stop();
    await this.#all.waitForOthers(this, this.window.toMs);
    // Another reading's commit may have taken it along and be under way: this one queues behind it and adds nothing.
    await this.#commit(() => (ending.isTaken ? [] : this.#composeEnd()));
    this.#throwFailure();
  }

  close(): void {
    this.#all.close(this);
  }

  #stop(): void {
    this.#isReading = false;
    this.isLate = false;
    this.#all.stir();
  }

  async #commitWhatIsDue(): Promise<void> {
    const { batchEvents } = this.#options;
    const all = [this, ...this.#all.beside(this)];
    const slowestMs = Math.min(...all.filter((one) => !one.isLate).map((one) => one.throughMs));
    if (pendingIn(all, slowestMs) >= batchEvents) await this.#commit(() => this.#composeSlice(slowestMs));
    else if (pendingIn(all) >= MOST_BATCHES * batchEvents) await this.#commit(() => this.#composeSlice());
  }

  /** What this and the readings beside it have, up to a time if one is given. */
  #composeSlice(throughMs?: number): Taken[] {
    return [this, ...this.#all.beside(this)].flatMap((one) => one.#slice(throughMs));
  }

  /** All of this window. Of the others too, once nobody reads any more; until then what the slowest has come to. */
  #composeEnd(): Taken[] {
    const others = this.#all.beside(this);
    const slow = others.filter((one) => one.holdsUp);
    if (slow.length === 0) return [this, ...others].flatMap((one) => one.#end());
    const slowestMs = Math.min(...slow.map((one) => one.throughMs));
    return [...this.#end(), ...others.flatMap((one) => one.#slice(slowestMs))];
  }

  #slice(throughMs?: number): Taken[] {
    if (this.#failure !== undefined) return [];
    const { fresh, unit, window } = this.#options;
    const slice = fresh.flush(throughMs);
    if (slice.parts.length === 0) return [];
    return [{ reading: this, batch: { unit, window, ...slice } }];
  }

  #end(): Taken[] {
    const ending = this.#ending;
    if (ending === undefined || ending.isTaken || this.#failure !== undefined) return this.#slice();
    ending.isTaken = true;
    const { fresh, unit, window } = this.#options;
    const { next } = ending;
    return [
      { reading: this, batch: { unit, window, ...fresh.flush(), ...(next !== undefined && { next }) } },
    ];
  }

  async #commit(compose: () => readonly Taken[]): Promise<void> {
    let taken: readonly Taken[] = [];
    const composeUnlessFailed = () => {
      this.#throwFailure();
      taken = compose();
      return taken.map(({ batch }) => batch);
    };
    await this.#all.commit(composeUnlessFailed, (error) => {
      for (const { reading } of taken) reading.#failure = { error };
    });
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

function pendingIn(readings: readonly Reading[], throughMs?: number): number {
  return readings.reduce((sum, reading) => sum + reading.pendingThrough(throughMs), 0);
}

interface Taken {
  readonly reading: Reading;
  readonly batch: IngestBatch;
}
