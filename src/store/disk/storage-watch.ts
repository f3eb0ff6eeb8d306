import type { Clock } from '../../core/clock.ts';
import { GatewatchError, messageOf } from '../../core/errors.ts';
import type { StorageTrouble, TroubleKind } from '../../model/journal-upkeep.ts';

const KINDS: Readonly<Record<string, TroubleKind>> = {
  journal_full: 'full',
  journal_io: 'failing',
  journal_read_only: 'failing',
  journal_cannot_open: 'failing',
  journal_corrupt: 'damaged',
};

/** What kind of trouble with the disk an error tells of; `undefined` for any other error. */
export function troubleKindOf(error: unknown): TroubleKind | undefined {
  return error instanceof GatewatchError ? KINDS[error.code] : undefined;
}

/** Remembers what the disk did to the journal: every statement's failure passes here. Damage stays until reopened. */
export class StorageWatch {
  readonly damaged: Promise<StorageTrouble>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #tellDamage: (trouble: StorageTrouble) => void;
  #trouble: StorageTrouble | undefined;

  /** `onDamage` is called once, at once. */
  constructor(clock: Pick<Clock, 'now'>, onDamage: (trouble: StorageTrouble) => void = () => undefined) {
    const { promise, resolve } = Promise.withResolvers<StorageTrouble>();
    this.#clock = clock;
    this.damaged = promise;
    this.#tellDamage = (trouble) => {
      onDamage(trouble);
      resolve(trouble);
    };
  }

  get trouble(): StorageTrouble | undefined {
    return this.#trouble;
  }

  /** Takes note of an error as `toJournalError` makes it; one that has nothing to do with the disk is left alone. */
  note(error: unknown): void {
    const kind = troubleKindOf(error);
    const known = this.#trouble;
    if (kind === undefined || known?.kind === 'damaged') return;
    this.#trouble = {
      kind,
      reason: messageOf(error),
      sinceMs: known?.sinceMs ?? this.#clock.now(),
      failures: (known?.failures ?? 0) + 1,
    };
    if (kind === 'damaged') this.#tellDamage(this.#trouble);
  }

  /** New rows reached the disk. */
  wrote(): void {
    if (this.#trouble?.kind !== 'damaged') this.#trouble = undefined;
  }
}
