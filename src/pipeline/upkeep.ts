import { formatBytes } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { FencedError, JournalDamagedError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import { Mutex } from '../core/mutex.ts';
import {
  type JournalUpkeep,
  type JournalUsage,
  type ScrubState,
  type SealedSpan,
  type SealSettings,
  type StorageTrouble,
  trailBytesOf,
} from '../model/journal-upkeep.ts';
import {
  budgetReason,
  type DiskBudgets,
  daysLeft,
  fullBudget,
  type IntakeStop,
  type IntakeStopKind,
} from './disk-budgets.ts';

/** What happens with the oldest of the trail when its budget is reached. */
export type TrailPolicy =
  | { readonly kind: 'stop' | 'drop' }
  | { readonly kind: 'archive'; readonly folder: string };

export interface UpkeepSettings {
  readonly budgets: DiskBudgets;
  readonly onTrailFull: TrailPolicy;
  readonly seal: SealSettings;
  /** From the end of one comparison of the trail with its hashes to the beginning of the next, milliseconds. */
  readonly scrubEveryMs: number;
}

export interface UpkeepOptions extends UpkeepSettings {
  readonly journal: JournalUpkeep;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
}

export interface UpkeepStatus {
  readonly budgets: DiskBudgets;
  /** As of the last look; absent before the first. */
  readonly usage?: JournalUsage;
  readonly daysLeft?: number;
  readonly intakeStop?: IntakeStop;
  /** Absent before the first comparison. */
  readonly scrub?: ScrubState;
}

const TICK_MS = 5_000;
/** As often as log groups are read by default: damage is known within one cycle. */
const PROBE_MS = 20_000;
const MARK_MS = 3_600_000;
/** A disk that refused a write is tried again this often, whether or not it looks better. */
const TRIAL_MS = 60_000;
const SEAL_MS = 600_000;
/** The reserve takes a while to write: what ends within this time need not have one, and a start is not slowed by it. */
const RESERVE_AFTER_MS = 60_000;
/** Some thousand rows are compared, then others have the disk for this long. */
const SCRUB_PAUSE_MS = 1_000;
const SCRUB_LOOK_MS = 600_000;
const STOP_KINDS: readonly IntakeStopKind[] = [
  'queue_full',
  'trail_full',
  'disk_full',
  'disk_failing',
  'damaged',
];

/**
 * Keeps the journal within its disk beside the worker: stops reading when a budget or the disk is full, lets delivery go
 * on, and starts reading again by itself.
 *
 *   open ──budget full──► stopped ──below the lower mark──► open
 *   open ──write refused──► stopped ──room again, or a minute later──► on trial ──a commit succeeds──► open
 *                             ▲                                           │
 *                             └──────────────refused again────────────────┘
 */
export class Upkeep {
  readonly #options: UpkeepOptions;
  #usage: JournalUsage | undefined;
  #stop: IntakeStop | undefined;
  #markedAt: number | undefined;
  #probedAt: number | undefined;
  /** The last write that the disk refused: how many had failed by then, and when that was seen. */
  #refused: { readonly failures: number; readonly at: number } | undefined;
  #isOnTrial = false;
  #scrub: ScrubState | undefined;
  /** When the loops began; absent while single looks are asked for. */
  #beganAt: number | undefined;
  /** Sealing, archiving and dropping go one after the other. */
  readonly #moving = new Mutex();

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** Why nothing new may be read now; `undefined` when it may, if only to see whether the disk takes it again. */
  get intakeStop(): IntakeStop | undefined {
    return this.#isOnTrial ? undefined : this.#stop;
  }

  get status(): UpkeepStatus {
    const { budgets } = this.#options;
    const left = this.#usage === undefined ? undefined : daysLeft(this.#usage, budgets);
    return {
      budgets,
      ...(this.#usage !== undefined && { usage: this.#usage }),
      ...(left !== undefined && { daysLeft: left }),
      ...(this.#stop !== undefined && { intakeStop: this.#stop }),
      ...(this.#scrub !== undefined && { scrub: this.#scrub }),
    };
  }

  /** Until aborted. Throws `JournalDamagedError` when the journal must be opened anew. */
  async run(signal: AbortSignal): Promise<void> {
    this.#beganAt = this.#options.clock.monotonic();
    const stop = new AbortController();
    const all = AbortSignal.any([signal, stop.signal]);
    const fail = (error: unknown) => stop.abort(error);
    await Promise.all([
      this.#lookLoop(all).catch(fail),
      this.#sealLoop(all).catch(fail),
      this.#scrubLoop(all).catch(fail),
    ]);
    if (stop.signal.aborted) throw stop.signal.reason;
  }

  /** Damage wakes it at once. One signal for that: racing the promise at every turn would collect reactions for ever. */
  async #lookLoop(signal: AbortSignal): Promise<void> {
    const { clock, journal } = this.#options;
    const woken = new AbortController();
    void journal.damaged.then(() => woken.abort());
    const either = AbortSignal.any([signal, woken.signal]);
    while (!signal.aborted) {
      await this.tick();
      await clock.sleep(TICK_MS, either).catch(() => undefined);
    }
  }

  async #sealLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.sealOld(signal);
      await this.#options.clock.sleep(SEAL_MS, signal).catch(() => undefined);
    }
  }

  async #scrubLoop(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const isUnderWay = await this.scrubSome();
      await clock.sleep(isUnderWay ? SCRUB_PAUSE_MS : SCRUB_LOOK_MS, signal).catch(() => undefined);
    }
  }

  /** Seals everything that is old enough, and deletes it from the live file. */
  async sealOld(signal?: AbortSignal): Promise<void> {
    const { journal, clock, seal } = this.#options;
    await this.#moving
      .run(async () => {
        while (signal?.aborted !== true) {
          const sealed = await journal.sealNext(seal, clock.now());
          if (sealed === undefined) break;
          this.#say('sealed', sealed);
          await journal.shrink();
        }
        await journal.shrink();
      })
      .catch((error: unknown) => this.#notMoved('sealed', error));
  }

  /** Compares some more rows with their hashes when it is time. True while a comparison is under way. */
  async scrubSome(): Promise<boolean> {
    const { journal, clock, scrubEveryMs } = this.#options;
    try {
      const before = await journal.scrubState();
      this.#scrub = before;
      const nowMs = clock.now();
      // A clock that was set back must not put the next comparison off for ever.
      const sinceMs = before?.finishedMs === undefined ? scrubEveryMs : Math.abs(nowMs - before.finishedMs);
      if (sinceMs < scrubEveryMs) return false;
      const after = await journal.scrubStep(nowMs);
      this.#scrub = after;
      this.#tellDamage(before?.damagedRows ?? 0, after);
      return after.finishedMs === undefined;
    } catch (error) {
      this.#notMoved('compared', error);
      return false;
    }
  }

  #tellDamage(before: number, { damagedRows }: ScrubState): void {
    const { logger, meter } = this.#options;
    meter.gauge('gatewatch_journal_damaged_rows', damagedRows);
    if (damagedRows <= before) return;
    logger.error(
      { damagedRows, newlyFound: damagedRows - before },
      'rows of the trail do not match their hashes; `gatewatch audit verify` names them',
    );
  }

  #say(what: string, { firstSeq, lastSeq, rows, bytes, file }: SealedSpan): void {
    const fields = { firstSeq, lastSeq, rows, bytes, file };
    this.#options.logger.info(fields, `old rows of the trail were ${what}`);
    this.#options.meter.count('gatewatch_journal_segments_total', 1, { what });
  }

  /** Said each time: it is tried again in minutes, and what could not be moved stays where it is. */
  #notMoved(what: string, error: unknown): void {
    if (error instanceof FencedError) throw error;
    const reason = messageOf(error);
    this.#options.logger.warn({ reason }, `old rows could not be ${what}; they stay, and it is tried again`);
  }

  /** One look at the disk, and what follows from it. */
  async tick(): Promise<void> {
    const { journal, clock, logger } = this.#options;
    await this.#probe();
    await this.#look()
      .then(() => this.#relieve())
      .catch((error: unknown) =>
        logger.warn({ reason: messageOf(error) }, 'the size of the journal could not be read'),
      );
    const trouble = journal.trouble();
    if (trouble?.kind === 'damaged') this.#giveUp(trouble);
    if (trouble === undefined) await this.#keepReserve();
    else await this.#mend(trouble);
    this.#decide(trouble, clock.now());
    this.#report();
  }

  async #probe(): Promise<void> {
    const at = this.#options.clock.monotonic();
    if (this.#probedAt !== undefined && at - this.#probedAt < PROBE_MS) return;
    this.#probedAt = at;
    await this.#options.journal.probe();
  }

  #giveUp(trouble: StorageTrouble): never {
    this.#enter('damaged', trouble.reason, trouble.sinceMs);
    this.#report();
    throw new JournalDamagedError(trouble.reason);
  }

  async #look(): Promise<void> {
    const { journal, clock } = this.#options;
    this.#usage = await journal.usage(clock.now());
    const at = clock.monotonic();
    if (this.#markedAt !== undefined && at - this.#markedAt < MARK_MS) return;
    await journal.mark(clock.now());
    this.#markedAt = at;
  }

  async #keepReserve(): Promise<void> {
    const { journal, clock, meter } = this.#options;
    this.#isOnTrial = false;
    if (this.#beganAt !== undefined && clock.monotonic() - this.#beganAt < RESERVE_AFTER_MS) return;
    const isKept = await journal.keepReserve();
    meter.gauge('gatewatch_journal_reserve_kept', isKept ? 1 : 0);
  }

  /** Makes the trail smaller by the policy, as long as there is something sealed to take. */
  async #relieve(): Promise<void> {
    const { budgets, journal, clock } = this.#options;
    while (this.#usage !== undefined && trailBytesOf(this.#usage) >= budgets.trailBytes) {
      const before = trailBytesOf(this.#usage);
      const gone = await this.#moving
        .run(() => this.#takeOldest())
        .catch((error: unknown) => {
          this.#notMoved('moved out of the way', error);
          return false;
        });
      if (gone !== true) return;
      this.#usage = await journal.usage(clock.now());
      if (trailBytesOf(this.#usage) >= before) return;
    }
  }

  async #takeOldest(): Promise<boolean> {
    const { onTrailFull, journal, clock, seal, budgets } = this.#options;
    if (onTrailFull.kind === 'stop') return false;
    const nowMs = clock.now();
    const take = () =>
      onTrailFull.kind === 'archive'
        ? journal.archiveOldest(onTrailFull.folder, nowMs)
        : journal.dropOldest(
            `the trail reached its budget of ${formatBytes(budgets.trailBytes)} (journal.onTrailFull: drop)`,
            nowMs,
          );
    let taken = await take();
    if (taken === undefined && (await journal.sealNext(seal, nowMs)) !== undefined) {
      await journal.shrink();
      taken = await take();
    }
    if (taken === undefined) return false;
    this.#say(onTrailFull.kind === 'archive' ? 'archived' : 'dropped', taken);
    return true;
  }

  /** Takes the reserve back, and puts the next commit on trial when that worked or enough time has passed. */
  async #mend(trouble: StorageTrouble): Promise<void> {
    const { journal, clock } = this.#options;
    const isRoom = (await journal.makeRoom()) && trouble.kind === 'full';
    const at = clock.monotonic();
    if (trouble.failures !== this.#refused?.failures) {
      this.#refused = { failures: trouble.failures, at };
      this.#isOnTrial = false;
    } else if (at - this.#refused.at >= (isRoom ? TICK_MS : TRIAL_MS)) {
      this.#isOnTrial = true;
      journal.tryAgain();
    }
  }

  #decide(trouble: StorageTrouble | undefined, nowMs: number): void {
    const { budgets } = this.#options;
    if (trouble !== undefined) {
      const kind = trouble.kind === 'full' ? 'disk_full' : 'disk_failing';
      this.#enter(kind, trouble.reason, trouble.sinceMs);
      return;
    }
    const full = this.#usage && fullBudget(this.#usage, budgets, this.#stop?.kind);
    if (full === undefined || this.#usage === undefined) this.#leave();
    else this.#enter(full, budgetReason(full, this.#usage, budgets), nowMs);
  }

  /** Said when it begins, not at every look. */
  #enter(kind: IntakeStopKind, reason: string, sinceMs: number): void {
    const isNews = this.#stop?.kind !== kind;
    this.#stop = { kind, reason, sinceMs: isNews ? sinceMs : (this.#stop?.sinceMs ?? sinceMs) };
    if (!isNews) return;
    const said = 'reading stopped: what is stored goes on being delivered, reading resumes by itself';
    this.#options.logger.error({ kind, reason }, said);
  }

  #leave(): void {
    if (this.#stop === undefined) return;
    this.#options.logger.info({ kind: this.#stop.kind }, 'reading resumes: there is room again');
    this.#stop = undefined;
  }

  #report(): void {
    const { meter, budgets } = this.#options;
    for (const kind of STOP_KINDS) {
      meter.gauge('gatewatch_intake_stopped', this.#stop?.kind === kind ? 1 : 0, { kind });
    }
    if (this.#usage === undefined) return;
    const { liveBytes, logBytes, segmentBytes, queueBytes, diskFreeBytes } = this.#usage;
    meter.gauge('gatewatch_journal_bytes', liveBytes, { part: 'live' });
    meter.gauge('gatewatch_journal_bytes', logBytes, { part: 'log' });
    meter.gauge('gatewatch_journal_bytes', segmentBytes, { part: 'segments' });
    meter.gauge('gatewatch_journal_queue_bytes', queueBytes);
    meter.gauge('gatewatch_journal_queue_budget_bytes', budgets.queueBytes);
    meter.gauge('gatewatch_journal_trail_budget_bytes', budgets.trailBytes);
    if (diskFreeBytes !== undefined) meter.gauge('gatewatch_journal_disk_free_bytes', diskFreeBytes);
    const left = daysLeft(this.#usage, budgets);
    if (left !== undefined) meter.gauge('gatewatch_journal_days_left', left);
  }
}
