import type { Clock } from '../core/clock.ts';
import { FencedError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter, MetricLabels } from '../core/meter.ts';

/** Runs the worker's tasks: each is timed, and one that fails runs again on schedule. Only losing the journal is thrown on. */
export class TaskRuns {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #meter: Meter;
  readonly #single = new Map<string, Promise<void>>();
  readonly #all = new Set<Promise<void>>();
  #skipped = 0;

  constructor(options: { readonly clock: Clock; readonly logger: Logger; readonly meter: Meter }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#meter = options.meter;
  }

  /** Runs that were left out because the last one was still busy. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Starts the task unless its last run is still busy; that is counted, not queued. */
  async single(name: string, work: () => Promise<void>): Promise<void> {
    if (this.#single.has(name)) {
      this.countSkipped({ task: name });
      return;
    }
    const run = this.run(name, work).finally(() => this.#single.delete(name));
    this.#single.set(name, run);
    await run;
  }

  /** Starts the task, also beside a run of it that is still busy. */
  run(name: string, work: () => Promise<void>): Promise<void> {
    const run = this.#timed(name, work).finally(() => this.#all.delete(run));
    this.#all.add(run);
    return run;
  }

  countSkipped(labels: MetricLabels): void {
    this.#skipped += 1;
    this.#meter.count('gatewatch_schedule_skipped_total', 1, labels);
  }

  /** Resolves when every run under way has ended, however it ended. */
  async ended(): Promise<void> {
    await Promise.allSettled([...this.#all, ...this.#single.values()]);
  }

  async #timed(name: string, work: () => Promise<void>): Promise<void> {
    const startedMs = this.#clock.monotonic();
    try {
      await work();
    } catch (error) {
      if (error instanceof FencedError) throw error;
      const reason = messageOf(error);
      this.#logger.error({ task: name, reason }, 'task failed; it runs again on schedule');
    } finally {
      const tookMs = this.#clock.monotonic() - startedMs;
      this.#meter.observe('gatewatch_schedule_run_ms', tookMs, { task: name });
    }
  }
}
