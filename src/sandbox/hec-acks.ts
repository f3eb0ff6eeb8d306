import { isObject } from '../core/json.ts';

const GUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

interface Channel {
  next: number;
  /** Moment each open id counts as indexed; `Infinity` when it was lost. */
  readonly indexedAtMs: Map<number, number>;
}

/** Indexer acknowledgement: one id per request and channel, from 0, forgotten once it was read as true. */
export class HecAcks {
  readonly #monotonic: () => number;
  readonly #delayMs: number;
  readonly #channels = new Map<string, Channel>();

  constructor(options: { monotonic: () => number; delayMs: number }) {
    this.#monotonic = options.monotonic;
    this.#delayMs = options.delayMs;
  }

  static isGuid(channel: string): boolean {
    return GUID.test(channel);
  }

  issue(channelName: string, isLost: boolean): number {
    const channel = this.#channels.get(channelName) ?? { next: 0, indexedAtMs: new Map<number, number>() };
    this.#channels.set(channelName, channel);
    const id = channel.next;
    channel.next += 1;
    channel.indexedAtMs.set(id, isLost ? Number.POSITIVE_INFINITY : this.#monotonic() + this.#delayMs);
    return id;
  }

  /** Answers `{"0":true,…}`; undefined when the query is no `{"acks":[…]}`. */
  query(channelName: string, body: string): Readonly<Record<string, boolean>> | undefined {
    const ids = idsOf(body);
    if (ids === undefined) return undefined;
    const channel = this.#channels.get(channelName);
    const nowMs = this.#monotonic();
    const acks: Record<string, boolean> = {};
    for (const id of ids) {
      const isIndexed = nowMs >= (channel?.indexedAtMs.get(id) ?? Number.POSITIVE_INFINITY);
      if (isIndexed) channel?.indexedAtMs.delete(id);
      acks[String(id)] = isIndexed;
    }
    return acks;
  }

  /** Forgets a channel with all its ids, as an indexer does that was restarted. */
  forget(): void {
    this.#channels.clear();
  }
}

function idsOf(body: string): readonly number[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (!isObject(value) || !Array.isArray(value.acks)) return undefined;
  const ids: unknown[] = value.acks;
  return ids.every((id) => typeof id === 'number') ? ids : undefined;
}
