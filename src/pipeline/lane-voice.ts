import { formatDuration } from '../core/duration.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import type { LaneCounts } from '../model/journal.ts';
import type { Verdict } from '../model/sink.ts';

/** Tells of a lane in logs and metrics, each trouble once however many batches and probes meet it. */
export class LaneVoice {
  readonly #lane: string;
  readonly #logger: Logger;
  readonly #meter: Meter;
  readonly #heldProbe: string;
  readonly #saidHeld = new Set<string>();
  #isDown = false;

  /** `heldProbeMs`: rhythm in which a held lane is tried, milliseconds. */
  constructor(options: {
    readonly lane: string;
    readonly logger: Logger;
    readonly meter: Meter;
    readonly heldProbeMs: number;
  }) {
    this.#heldProbe = formatDuration(options.heldProbeMs);
    this.#lane = options.lane;
    this.#logger = options.logger;
    this.#meter = options.meter;
  }

  /** The last worker has said so; whoever started this one to mend it looks at the log of this one. */
  heldBefore(reason: string): void {
    this.#saidHeld.add(reason);
    this.#logger.warn(
      { lane: this.#lane, reason },
      'lane was held when the last worker ended: it is tried again, nothing is lost',
    );
  }

  held(reason: string): void {
    this.#meter.gauge('gatewatch_lane_held', 1, { lane: this.#lane });
    if (this.#saidHeld.has(reason)) return;
    this.#saidHeld.add(reason);
    this.#logger.error(
      { lane: this.#lane, reason, triedEvery: this.#heldProbe },
      'lane held: nothing is lost, delivery resumes once this is mended',
    );
  }

  resumed(): void {
    this.#saidHeld.clear();
    this.#meter.gauge('gatewatch_lane_held', 0, { lane: this.#lane });
    this.#logger.info({ lane: this.#lane }, 'lane resumed');
  }

  down(reason: string): void {
    if (this.#isDown) return;
    this.#isDown = true;
    this.#logger.warn(
      { lane: this.#lane, reason },
      'the destination is down: nothing is lost, it is tried again and again',
    );
  }

  well(): void {
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#logger.info({ lane: this.#lane }, 'the destination takes records again');
  }

  retried(): void {
    this.#meter.count('gatewatch_lane_retries_total', 1, { lane: this.#lane });
  }

  failed(reason: string): void {
    this.#logger.error({ lane: this.#lane, reason }, 'lane failed, trying again');
  }

  secretsUnread(reason: string): void {
    this.#logger.warn({ lane: this.#lane, reason }, 'a secret could not be read again');
  }

  delivered(counts: LaneCounts, verdict: Verdict): void {
    const labels = { lane: this.#lane };
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
      // Nobody can say which: the rows they are among is all there is to look at.
      const among = { fromSeq: verdict.accepted[0], toSeq: verdict.accepted.at(-1) };
      this.#logger.warn(
        { ...labels, count, reason: message, ...among },
        'the destination refused records without naming them',
      );
    }
  }
}
