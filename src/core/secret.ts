import { inspect } from 'node:util';

/**
 * A value that must never reach a log, an error or a dump. It prints as `***` however it is printed;
 * `reveal()` is the one way to the text, called where the secret is used and nowhere else.
 * Files behind `${file:PATH}` are read again on `refresh()`, so a rotated token takes effect without a restart.
 */
export class Secret {
  readonly #read: () => string;
  #value: string;

  constructor(value: string, read?: () => string) {
    this.#value = value;
    this.#read = read ?? (() => value);
  }

  reveal(): string {
    return this.#value;
  }

  /** Reads the reference again. Returns true when the text changed. Throws what reading threw; the old text stays. */
  refresh(): boolean {
    const next = this.#read();
    const changed = next !== this.#value;
    this.#value = next;
    return changed;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [inspect.custom](): string {
    return '***';
  }
}
