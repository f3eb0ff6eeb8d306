import type { Clock } from '../../core/clock.ts';
import { isObject } from '../../core/json.ts';
import type { HttpOutcome } from '../../http/http-transport.ts';

export interface AckChannelSettings {
  readonly guid: string;
  readonly query: (ackIds: readonly number[], channel: string, signal: AbortSignal) => Promise<HttpOutcome>;
  readonly clock: Clock;
  readonly pollMs: number;
  readonly timeoutMs: number;
}

/** `problem`: the last question that brought no list of acknowledgements, in words. */
export interface AckResult {
  readonly indexed: boolean;
  readonly problem?: string;
}

const GIVEN_OUT_TWICE = 'one acknowledgement id was given out twice: the channel was lost';

interface Waiting {
  readonly untilMs: number;
  readonly resolve: (result: AckResult) => void;
}

/**
 * One acknowledgement channel. Answers of HEC say "looks valid"; only its acknowledgement says "indexed". All ids that
 * wait share one question per `pollMs`. An id that is not indexed in time resolves to false: Splunk forgets channels
 * and restarts lose ids, so the events go out again under the same `event_id`.
 */
export class AckChannel {
  readonly guid: string;
  readonly #settings: AckChannelSettings;
  readonly #waiting = new Map<number, Waiting>();
  readonly #closing = new AbortController();
  #polling: Promise<void> | undefined;
  #problem: string | undefined;

  constructor(settings: AckChannelSettings) {
    this.guid = settings.guid;
    this.#settings = settings;
  }

  /**
   * Answers once the id is indexed, or not in time. Rejects with the signal's reason when aborted. An id that another
   * body already waits for was given out by a node that knows nothing of that body (it was restarted, or requests go to
   * several): which of the two it would acknowledge is not known, so neither is.
   */
  async settled(ackId: number, signal: AbortSignal): Promise<AckResult> {
    signal.throwIfAborted();
    if (this.#waiting.has(ackId)) {
      this.#resolve(ackId, false, GIVEN_OUT_TWICE);
      return { indexed: false, problem: GIVEN_OUT_TWICE };
    }
    const untilMs = this.#settings.clock.monotonic() + this.#settings.timeoutMs;
    const answered = new Promise<AckResult>((resolve) => {
      this.#waiting.set(ackId, { untilMs, resolve });
    });
    const onAbort = () => this.#resolve(ackId, false);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#polling ??= this.#poll();
    const result = await answered;
    signal.removeEventListener('abort', onAbort);
    signal.throwIfAborted();
    return result;
  }

  /** Everything that waits resolves to false. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const ackId of [...this.#waiting.keys()]) this.#resolve(ackId, false);
    await this.#polling;
  }

  async #poll(): Promise<void> {
    const { signal } = this.#closing;
    try {
      while (this.#waiting.size > 0) {
        await this.#settings.clock.sleep(this.#settings.pollMs, signal);
        await this.#ask(signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#polling = undefined;
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const asked = [...this.#waiting.keys()];
    if (asked.length === 0) return;
    const answer = readAcks(await this.#settings.query(asked, this.guid, signal));
    if (typeof answer === 'string') this.#problem = answer;
    else for (const ackId of answer) this.#resolve(ackId, true);
    const nowMs = this.#settings.clock.monotonic();
    for (const [ackId, waiting] of this.#waiting) {
      if (waiting.untilMs <= nowMs) this.#resolve(ackId, false);
    }
  }

  #resolve(ackId: number, indexed: boolean, problem = this.#problem): void {
    const because = indexed || problem === undefined ? {} : { problem };
    this.#waiting.get(ackId)?.resolve({ indexed, ...because });
    this.#waiting.delete(ackId);
  }
}

/** Ids answered `true`. Any other answer, in words, leaves the ids waiting: the deadline decides. */
function readAcks(outcome: HttpOutcome): readonly number[] | string {
  if (outcome.kind === 'failure') return outcome.reason;
  if (outcome.status !== 200) return `HTTP ${outcome.status}`;
  try {
    const parsed: unknown = JSON.parse(outcome.body.toString('utf8'));
    const acks = isObject(parsed) && isObject(parsed.acks) ? parsed.acks : undefined;
    if (acks === undefined) return 'an answer without `acks`';
    return Object.keys(acks)
      .filter((id) => acks[id] === true)
      .map(Number);
  } catch {
    return 'an answer that is no JSON';
  }
}

/** A version 4 UUID from a source of randomness in [0, 1): channels must be GUIDs. */
export function createGuid(random: () => number): string {
  const digit = () => Math.floor(random() * 16).toString(16);
  const variant = () => '89ab'.charAt(Math.floor(random() * 4));
  return 'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'.replace(/[xy]/g, (kind) =>
    kind === 'x' ? digit() : variant(),
  );
}
