import type { Clock } from '../../core/clock.ts';
import { JournalDamagedError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Runtime } from './runtime.ts';

/** A journal damaged again this soon after it was rebuilt lies on a broken disk: going on would only fill it. */
const REBUILD_AGAIN_MS = 15 * 60_000;

export interface ReopeningOptions {
  readonly open: () => Promise<Runtime>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * A worker that outlives its journal: when that is found damaged, everything is closed and opened anew in the same
 * process, which moves the damaged file aside and sets reading back. Nobody needs to be there to restart it.
 */
export class ReopeningRuntime {
  readonly #options: ReopeningOptions;
  #current: Runtime;

  private constructor(options: ReopeningOptions, first: Runtime) {
    this.#options = options;
    this.#current = first;
  }

  static async open(options: ReopeningOptions): Promise<ReopeningRuntime> {
    return new ReopeningRuntime(options, await options.open());
  }

  /** What runs now, or was closed last while the next one is being opened. */
  get current(): Runtime {
    return this.#current;
  }

  /** Works until the signal aborts. Rejects with what ended it otherwise. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let rebuiltAt: number | undefined; ; rebuiltAt = clock.monotonic()) {
      try {
        await this.#current.worker.run(signal);
        return;
      } catch (error) {
        if (!(error instanceof JournalDamagedError)) throw error;
        if (rebuiltAt !== undefined && clock.monotonic() - rebuiltAt < REBUILD_AGAIN_MS) throw error;
        await this.#reopen(error);
      }
    }
  }

  close(): Promise<void> {
    return this.#current.close();
  }

  async #reopen(error: JournalDamagedError): Promise<void> {
    const { logger, open } = this.#options;
    logger.error({ reason: error.message }, 'the journal is damaged: it is opened anew');
    await this.#current
      .close()
      .catch((failure: unknown) =>
        logger.warn({ reason: messageOf(failure) }, 'the damaged journal could not be closed in good order'),
      );
    this.#current = await open();
  }
}
