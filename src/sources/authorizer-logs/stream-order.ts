import type { LineReading } from './line-reading.ts';

/**
 * A Lambda environment serves one invocation at a time, so between START and END of one log stream a line without an id
 * belongs to the invocation that is open. Only what one page shows counts. Two invocations open at once (Lambda Managed
 * Instances serve several) make the stream useless for this until all of them have ended.
 */
export class StreamOrder {
  readonly #openByStream = new Map<string, Set<string>>();
  readonly #mixed = new Set<string>();

  /** Takes notice of a line, in the order of the page. */
  follow(logStream: string, reading: LineReading): void {
    if (reading.kind !== 'invocation') return;
    const open = this.#openByStream.get(logStream) ?? new Set<string>();
    this.#openByStream.set(logStream, open);
    if (reading.line === 'start') {
      if (open.size > 0) this.#mixed.add(logStream);
      open.add(reading.lambdaRequestId);
      return;
    }
    if (reading.line === 'application' || reading.line === 'error') return;
    open.delete(reading.lambdaRequestId);
    if (open.size === 0) this.#mixed.delete(logStream);
  }

  /** The one invocation that is open in the stream, if there is exactly one and never were two. */
  openIn(logStream: string): string | undefined {
    const open = this.#openByStream.get(logStream);
    if (open?.size !== 1 || this.#mixed.has(logStream)) return undefined;
    const [id] = open;
    return id;
  }
}
