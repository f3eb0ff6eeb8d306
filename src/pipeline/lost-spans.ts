import type { Clock } from '../core/clock.ts';
import { formatDuration } from '../core/duration.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import type { Mutex } from '../core/mutex.ts';
import type { LogGroupFacts } from '../model/inventory.ts';
import type { Window } from '../model/source-event.ts';
import type { Ingest } from './ingest.ts';
import { type Position, splitUnreadBefore } from './log-plan.ts';
import { uncoveredSpans } from './uncovered-spans.ts';

/** From when on a group can hold anything, and why not from earlier. */
export interface Floor {
  readonly fromMs: number;
  readonly reason: string;
  /** False where nothing was ever held before: a group that is new. */
  readonly isLoss: boolean;
}

export function floorOf({ retentionMs, createdMs }: LogGroupFacts, nowMs: number): Floor | undefined {
  if (retentionMs !== undefined && nowMs - retentionMs >= (createdMs ?? 0)) {
    const reason = `CloudWatch keeps this log group ${formatDuration(retentionMs)}, and the time had not been read when that was over`;
    return { fromMs: nowMs - retentionMs, isLoss: true, reason };
  }
  if (createdMs === undefined) return undefined;
  const at = new Date(createdMs).toISOString();
  const reason = `the log group was created at ${at}: what an earlier one of its name held is gone`;
  return { fromMs: createdMs, isLoss: false, reason };
}

const RECREATED =
  'the log group was deleted and created again: what had not become readable or been read before is gone';
const DELETED = 'the log group did not exist any more when it was to be read';

export interface LostSpansOptions {
  readonly unit: string;
  readonly ingest: Ingest;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Whose turn it is to move the unit's position. */
  readonly positions: Mutex;
  /** What the place says of the group, as it was last listed. */
  readonly facts: () => LogGroupFacts;
  /** How far back the first read goes, milliseconds. */
  readonly firstReadMs: number;
  /** How late lines of the group are now, milliseconds. */
  readonly allowanceMs: () => number;
}

/** What one log group no longer holds and nobody has read: recorded as gaps, and left behind. */
export class LostSpans {
  readonly #options: LostSpansOptions;
  #createdMs: number | undefined;
  #missingSinceMs: number | undefined;

  constructor(options: LostSpansOptions) {
    this.#options = options;
  }

  /** Since when the group has not existed; undefined while it does. */
  get missingSinceMs(): number | undefined {
    return this.#missingSinceMs;
  }

  /** Spans that were not read while the place still held them become gaps, and reading goes on behind them. */
  async recordGone(): Promise<void> {
    const { clock, facts, ingest, unit, firstReadMs } = this.#options;
    const nowMs = clock.now();
    const floor = floorOf(facts(), nowMs);
    if (floor === undefined) return;
    if (ingest.checkpointOf(unit) !== undefined) {
      await this.#recordEarlierGroup();
      await this.#recordUnreadBefore(floor.fromMs, floor.reason);
    } else if (floor.isLoss && floor.fromMs > nowMs - firstReadMs) {
      const window = { fromMs: nowMs - firstReadMs, toMs: floor.fromMs };
      await this.#commit([window], floor.reason, { readThroughMs: floor.fromMs, rereads: [] });
    }
  }

  /** The part of a span of the past that has expired and was never read. `known`: windows of the unit that were read. */
  async recordExpired(span: Window, known: readonly Window[]): Promise<void> {
    const floor = floorOf(this.#options.facts(), this.#options.clock.now());
    if (floor === undefined || !floor.isLoss || floor.fromMs <= span.fromMs) return;
    const expired = { fromMs: span.fromMs, toMs: Math.min(span.toMs, floor.fromMs) };
    await this.#commit(uncoveredSpans(expired, known), floor.reason);
  }

  /**
   * A group that does not exist holds nothing, so its time counts as read; what had not been read of it is gone. Every
   * poll looks whether it exists again.
   */
  async missing(error: unknown, nowMs: number): Promise<void> {
    const { unit, ingest, logger, meter, positions } = this.#options;
    if (this.#missingSinceMs === undefined) {
      this.#missingSinceMs = nowMs;
      meter.gauge('gatewatch_unit_missing', 1, { unit });
      const reason = messageOf(error);
      logger.warn({ unit, reason }, 'the log group does not exist: the others go on without it');
      await this.#recordUnreadBefore(nowMs, DELETED);
    }
    await positions.run(() => {
      const readThroughMs = Math.max(nowMs, ingest.checkpointOf(unit)?.readThroughMs ?? nowMs);
      const window = { fromMs: nowMs, toMs: nowMs };
      const next = { readThroughMs, rereads: [] };
      return ingest.commitParts({ unit, window, read: 0, parts: [], seen: [], next });
    });
  }

  /** It was read: it is there. */
  exists(): void {
    if (this.#missingSinceMs === undefined) return;
    const { unit, logger, meter } = this.#options;
    this.#missingSinceMs = undefined;
    meter.gauge('gatewatch_unit_missing', 0, { unit });
    logger.info({ unit }, 'the log group exists again: reading resumes');
  }

  /** A group deleted and created again between two polls: nobody saw it missing, and what it held last is gone. */
  async #recordEarlierGroup(): Promise<void> {
    const { createdMs } = this.#options.facts();
    const before = this.#createdMs;
    this.#createdMs = createdMs;
    if (before === undefined || createdMs === undefined || createdMs <= before) return;
    if (this.#missingSinceMs === undefined) {
      await this.#recordUnreadBefore(createdMs, RECREATED, this.#options.allowanceMs());
    }
  }

  /** `lateMs`: before the moment that far back lines may still have been missing, though it was read. */
  #recordUnreadBefore(beforeMs: number, reason: string, lateMs = 0): Promise<void> {
    const { ingest, unit, positions } = this.#options;
    return positions.run(async () => {
      const checkpoint = ingest.checkpointOf(unit);
      if (checkpoint === undefined) return;
      const { unread, position } = splitUnreadBefore(checkpoint, beforeMs);
      const late = { fromMs: beforeMs - lateMs, toMs: beforeMs };
      const touching = unread.filter(({ toMs }) => toMs >= late.fromMs);
      const newest = {
        fromMs: Math.min(late.fromMs, ...touching.map(({ fromMs }) => fromMs)),
        toMs: beforeMs,
      };
      const older = unread.filter((window) => !touching.includes(window));
      await this.#commit(lateMs > 0 ? [...older, newest] : unread, reason, position);
    });
  }

  async #commit(windows: readonly Window[], reason: string, position?: Position): Promise<void> {
    const { ingest, unit, clock } = this.#options;
    for (const [index, window] of windows.entries()) {
      const gap = { ...window, unit, reason, recordedMs: clock.now() };
      await ingest.commitGap(gap, index === windows.length - 1 ? position : undefined);
    }
  }
}
