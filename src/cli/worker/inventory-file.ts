import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';

/**
 * `PATH.inventory` beside the journal: what the last listing told, for a worker that starts while APIs cannot be listed.
 * Losing it costs nothing else, so no trouble with it stops anybody.
 */
export class InventoryFile {
  readonly #path: string;
  readonly #logger: Logger;
  #written = '';

  constructor(journalPath: string, logger: Logger) {
    this.#path = `${journalPath}.inventory`;
    this.#logger = logger;
  }

  /** Undefined when there is none. */
  read(): string | undefined {
    try {
      return readFileSync(this.#path, 'utf8');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) this.#warn(error, 'read');
      return undefined;
    }
  }

  /** Replaces the file in one step. */
  write(text: string): void {
    if (text === this.#written) return;
    try {
      writeFileSync(`${this.#path}.new`, text, { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
      this.#written = text;
    } catch (error) {
      this.#warn(error, 'written');
    }
  }

  #warn(error: unknown, what: string): void {
    this.#logger.warn(
      { path: this.#path, reason: messageOf(error) },
      `what the last listing told could not be ${what}: should APIs not be listed at the next start, nothing is known of them`,
    );
  }
}
