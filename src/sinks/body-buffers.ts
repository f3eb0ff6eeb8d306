/**
 * What bodies are filled to where the destination would take more: a batch is no longer than that, compression gains
 * nothing from more, and several bodies are under way at a time. Only a single large piece makes a larger body.
 */
export const USUAL_BODY_BYTES = 1_024 * 1_024;

/** Spare buffers kept, so that a burst does not hold on to its memory. */
const MOST_SPARE = 3;

/**
 * Buffers that bodies are written into, used again and again: a fresh one for every body would be garbage of two
 * megabytes outside the heap, which the collector does not hurry for.
 */
export class BodyBuffers {
  readonly #size: number;
  readonly #spare: Buffer[] = [];

  /** `size`: bytes of a usual body. */
  constructor(size: number) {
    this.#size = size;
  }

  /** A buffer of at least `bytes` bytes with anything in it. */
  take(bytes: number): Buffer {
    if (bytes > this.#size) return Buffer.allocUnsafeSlow(bytes);
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#size);
  }

  /** Nothing may read or write these buffers any more. */
  giveBack(buffers: readonly Buffer[]): void {
    for (const buffer of buffers) {
      if (buffer.length === this.#size && this.#spare.length < MOST_SPARE) this.#spare.push(buffer);
    }
  }
}
