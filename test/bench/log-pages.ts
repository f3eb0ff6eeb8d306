import type { WorldEvent } from '../../src/sandbox/world.ts';
import { APIS } from './bench-fleet.ts';
import { baseRound, ROUND_MS } from './bench-traffic.ts';
import { type PageTemplate, pageTemplates } from './page-template.ts';

export interface FilterRequest {
  readonly logGroupName: string;
  readonly startTime: number;
  readonly endTime: number;
  readonly nextToken?: string;
}

/** Every round of history, page by page, without holding more than one round in memory. */
export class LogPages {
  readonly #groups = new Map<string, readonly PageTemplate[]>();
  readonly #fromMs: number;
  readonly #toMs: number;
  eventsPerRound = 0;
  accessPerRound = 0;

  constructor(fromMs: number, toMs: number) {
    this.#fromMs = fromMs;
    this.#toMs = toMs;
    for (const api of APIS) {
      const { access, authorizer } = baseRound(api);
      this.#groups.set(api.accessGroup, pageTemplates(access));
      this.#groups.set(api.authorizer.logGroup, pageTemplates(authorizer));
      this.accessPerRound += access.length;
      this.eventsPerRound += access.length + authorizer.length;
    }
  }

  get groupNames(): readonly string[] {
    return [...this.#groups.keys()];
  }

  /** One FilterLogEvents answer. A token is the start of a round and a page's number in it. */
  answer(request: FilterRequest): Buffer {
    const templates = this.#groups.get(request.logGroupName) ?? [];
    const from = Math.max(this.#fromMs, request.startTime);
    const to = Math.min(this.#toMs, request.endTime);
    const [round = 0, page = 0] = request.nextToken?.split('.').map(Number) ?? [from - (from % ROUND_MS), 0];
    const template = templates[page];
    if (template === undefined || round >= to) return Buffer.from('{"events":[],"searchedLogStreams":[]}');
    const [nextRound, nextPage] = page + 1 < templates.length ? [round, page + 1] : [round + ROUND_MS, 0];
    const token = nextRound < to ? `,"nextToken":"${nextRound}.${nextPage}"` : '';
    const bytes = template.bytesOf(round);
    const isWhole = round >= from && round + ROUND_MS <= to;
    const body = isWhole ? bytes : only(bytes, from, to);
    return Buffer.concat([body, Buffer.from(`],"searchedLogStreams":[]${token}}`)]);
  }
}

/** The events of a window's ragged edge. */
function only(bytes: Buffer, fromMs: number, toMs: number): Buffer {
  const page = JSON.parse(`${bytes.toString()}]}`) as {
    readonly events: readonly (WorldEvent & { readonly timestamp: number })[];
  };
  const kept = page.events.filter(({ timestamp }) => timestamp >= fromMs && timestamp < toMs);
  return Buffer.from(`{"events":[${kept.map((event) => JSON.stringify(event)).join(',')}`);
}
