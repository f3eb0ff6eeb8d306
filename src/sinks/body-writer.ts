import type { BodyBuffers } from './body-buffers.ts';
import type { Piece } from './pack-bodies.ts';

/** A piece that stands encoded in a buffer: `bytes` bytes from `start`. Pieces of one body lie one behind the other. */
export interface EncodedPiece extends Piece {
  readonly eventMs: number;
  readonly buffer: Buffer;
  readonly start: number;
}

export interface BodyWriterOptions {
  /** Largest body, bytes, without its head. */
  readonly maxBytes: number;
  readonly maxPieces: number;
  /** Bytes kept free before the first piece of each body, for what the destination wants to stand there. */
  readonly headBytes: number;
  /** `latin1`: the text is bytes already, one for each character. */
  readonly encoding: 'utf8' | 'latin1';
  readonly buffers: BodyBuffers;
}

/** Most bytes one UTF-16 unit takes. */
const MAX_UNIT_BYTES = { utf8: 3, latin1: 1 } as const;

/**
 * Writes pieces straight into the buffers they are sent from: each text is encoded once, and its size is known by having
 * been written. A piece larger than a body gets one of its own: whether it is too large is for the destination to say.
 */
export class BodyWriter {
  readonly #options: BodyWriterOptions;
  readonly #bodies: EncodedPiece[][] = [];
  readonly #buffers: Buffer[] = [];
  #end = 0;
  #full = 0;

  constructor(options: BodyWriterOptions) {
    this.#options = options;
  }

  /** Bodies in the order their pieces were added. */
  get bodies(): readonly (readonly EncodedPiece[])[] {
    return this.#bodies;
  }

  add(seq: number, eventMs: number, text: string): void {
    const { encoding } = this.#options;
    const { pieces, buffer } = this.#placeFor(text);
    const start = this.#end;
    const bytes = buffer.write(text, start, encoding);
    this.#end = start + bytes;
    pieces.push({ seq, eventMs, bytes, buffer, start });
  }

  /** Lets the buffers be used again. Nothing may read the pieces any more. */
  release(): void {
    this.#options.buffers.giveBack(this.#buffers);
  }

  /** Only near the end of a body a text is measured before it is written. */
  #placeFor(text: string): { readonly pieces: EncodedPiece[]; readonly buffer: Buffer } {
    const { encoding, maxPieces } = this.#options;
    const pieces = this.#bodies.at(-1);
    const buffer = this.#buffers.at(-1);
    if (pieces !== undefined && buffer !== undefined && pieces.length < maxPieces) {
      const room = this.#full - this.#end;
      if (text.length * MAX_UNIT_BYTES[encoding] <= room) return { pieces, buffer };
      if (Buffer.byteLength(text, encoding) <= room) return { pieces, buffer };
    }
    return this.#open(Buffer.byteLength(text, encoding));
  }

  #open(bytes: number): { readonly pieces: EncodedPiece[]; readonly buffer: Buffer } {
    const { headBytes, maxBytes, buffers } = this.#options;
    const buffer = buffers.take(headBytes + Math.max(maxBytes, bytes));
    const pieces: EncodedPiece[] = [];
    this.#buffers.push(buffer);
    this.#bodies.push(pieces);
    this.#end = headBytes;
    this.#full = headBytes + maxBytes;
    return { pieces, buffer };
  }
}

/**
 * The bytes of some pieces of one batch, in order, behind `head`. Pieces that lie together are taken from where they
 * stand: at the beginning of a body (`headBytes` into its buffer) the head is written into the room before them.
 */
export function bytesOf(pieces: readonly EncodedPiece[], head: Buffer = NO_HEAD, headBytes = 0): Buffer {
  const [first] = pieces;
  if (first === undefined) return head;
  if (liesTogether(pieces) && (head.length === 0 || first.start === headBytes)) {
    const { buffer, start } = first;
    head.copy(buffer, start - head.length);
    return buffer.subarray(start - head.length, start + totalBytes(pieces));
  }
  const bytes = pieces.map(({ buffer, start, bytes: length }) => buffer.subarray(start, start + length));
  return Buffer.concat([head, ...bytes]);
}

const NO_HEAD = Buffer.alloc(0);

export function totalBytes(pieces: readonly Piece[]): number {
  let total = 0;
  for (const { bytes } of pieces) total += bytes;
  return total;
}

function liesTogether(pieces: readonly EncodedPiece[]): boolean {
  let buffer = pieces[0]?.buffer;
  let end = pieces[0]?.start;
  for (const piece of pieces) {
    if (piece.buffer !== buffer || piece.start !== end) return false;
    buffer = piece.buffer;
    end = piece.start + piece.bytes;
  }
  return true;
}
