import { promisify } from 'node:util';
import { gunzipSync, gzip } from 'node:zlib';

const zip = promisify(gzip);
const FAST = { level: 1 };

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
  /** The briefs of its items as JSON lines, packed: a third of the body's own size. */
  readonly briefs: Buffer;
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

  /** `items` are the briefs of what was accepted of the body, in order. */
  async add(body: {
    items: readonly object[];
    receivedMs: number;
    plain: Buffer;
    gzipped: Buffer | undefined;
    note: Note;
  }): Promise<void> {
    const { items, receivedMs, note } = body;
    const first = this.#next;
    this.#next += items.length;
    if (!this.#keep || items.length === 0) return;
    const lines = items.map((item, index) => JSON.stringify({ n: first + index, ...item }));
    const [gzipped, briefs] = await Promise.all([
      // A copy: a small body is a slice of the socket's 64 KiB buffer, which would all be kept with it.
      body.gzipped === undefined ? zip(body.plain, FAST) : Buffer.from(body.gzipped),
      zip(lines.join('\n'), FAST),
    ]);
    this.#bodies.push({ first, count: items.length, receivedMs, gzipped, briefs, note });
  }

  /** In order of arrival. A snapshot: what arrives while it is read is not in it. */
  *list(): Generator<AcceptedBody<Note>> {
    const bodies = this.#bodies.slice().sort((a, b) => a.first - b.first);
    yield* bodies;
  }

  /** The briefs as JSON lines, the lines of a body at a time. */
  *briefLines(): Generator<string> {
    for (const { briefs } of this.list()) yield gunzipSync(briefs).toString();
  }

  clear(): void {
    this.#bodies.length = 0;
    this.#next = 0;
  }
}
