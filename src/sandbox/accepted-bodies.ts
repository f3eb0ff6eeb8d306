import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const zip = promisify(gzip);

/**
 * What a stand-in accepted, kept as the gzip bodies it came in: some hundred bytes a record instead of some thousand,
 * and nothing to build while a client waits. `note` is what is needed to read the body again the same way.
 */
export interface AcceptedBody<Note> {
  /** Arrival number of the first item, from 0. */
  readonly first: number;
  readonly count: number;
  readonly receivedMs: number;
  readonly gzipped: Buffer;
  readonly note: Note;
}

export class AcceptedBodies<Note> {
  readonly #bodies: AcceptedBody<Note>[] = [];
  readonly #keep: boolean;
  #next = 0;

  /** With `keep` off only the number is held: for measuring, where millions arrive. */
  constructor(options: { keep: boolean }) {
    this.#keep = options.keep;
  }

  get count(): number {
    return this.#next;
  }

  async add(body: {
    count: number;
    receivedMs: number;
    plain: Buffer;
    gzipped: Buffer | undefined;
    note: Note;
  }): Promise<void> {
    const first = this.#next;
    this.#next += body.count;
    if (!this.#keep || body.count === 0) return;
    // A copy: a small body is a slice of the socket's 64 KiB buffer, which would all be kept with it.
    const gzipped =
      body.gzipped === undefined ? await zip(body.plain, { level: 1 }) : Buffer.from(body.gzipped);
    this.#bodies.push({ first, count: body.count, receivedMs: body.receivedMs, gzipped, note: body.note });
  }

  /** In order of arrival. A snapshot: what arrives while it is read is not in it. */
  *list(): Generator<AcceptedBody<Note>> {
    const bodies = this.#bodies.slice().sort((a, b) => a.first - b.first);
    yield* bodies;
  }

  clear(): void {
    this.#bodies.length = 0;
    this.#next = 0;
  }
}
