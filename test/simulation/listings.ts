import type { ApiListing, AwsClients } from '../../src/aws/aws-clients.ts';
import { type ApiName, apisNamed, authorizersOf, routesOf, stageOf } from './fleet.ts';
import type { Random } from './random.ts';
import type { Tally } from './tally.ts';
import type { Weather } from './weather.ts';

/** `empty` and `short`: an answer without any error that leaves out what is there. */
export const LISTING_FAULTS = ['denied', 'throttled', 'server_error', 'cut_off', 'empty', 'short'] as const;
export type ListingFault = (typeof LISTING_FAULTS)[number];

const PARTS = ['apis', 'stages', 'authorizers', 'routes'] as const;
type Part = (typeof PARTS)[number];

/** Asks for one page as a process does: it takes its turn, can be cut off, and fails with `error` if one is given. */
export type AskPage = <R>(signal: AbortSignal, answer: () => R, error?: () => Error) => Promise<R>;

export interface ListingsOptions {
  readonly apis: readonly ApiName[];
  readonly weather: Weather<ListingFault>;
  readonly random: Random;
  readonly tally: Tally;
}

type ListingClients = Pick<AwsClients, 'listApis' | 'listStages' | 'listAuthorizers' | 'listRoutes'>;

const ERRORS: Readonly<Partial<Record<ListingFault, readonly [string, string]>>> = {
  denied: ['AccessDeniedException', 'is not authorized to perform'],
  throttled: ['ThrottlingException', 'Rate exceeded'],
  server_error: ['InternalFailure', 'internal error'],
};

/** The listings of API Gateway, which can be ill in part: one kind of listing at a time is. */
export class Listings {
  readonly #options: ListingsOptions;

  constructor(options: ListingsOptions) {
    this.#options = options;
  }

  clients(now: () => number, ask: AskPage): ListingClients {
    const apis = apisNamed(this.#options.apis);
    const found = (apiId: string) => apis.filter((api) => api.apiId === apiId);
    const list = <T>(part: Part, { signal }: { signal: AbortSignal }, items: readonly T[]) =>
      this.#list(part, items, now, (answer, error) => ask(signal, answer, error));
    return {
      listApis: (listing) => list('apis', listing, apis.filter(isOf(listing))),
      listStages: (listing) => list('stages', listing, found(listing.apiId).map(stageOf)),
      listAuthorizers: (listing) => list('authorizers', listing, found(listing.apiId).flatMap(authorizersOf)),
      listRoutes: (listing) => list('routes', listing, found(listing.apiId).flatMap(routesOf)),
    };
  }

  async *#list<T>(
    part: Part,
    items: readonly T[],
    now: () => number,
    ask: <R>(answer: () => R, error?: () => Error) => Promise<R>,
  ): AsyncIterable<readonly T[]> {
    const kind = this.#strikes(part, now());
    const told = kind === undefined ? undefined : ERRORS[kind];
    if (told !== undefined) {
      const [name, message] = told;
      await ask(
        () => items,
        () => Object.assign(new Error(message), { name }),
      );
      return;
    }
    if (kind === 'empty') yield await ask(() => []);
    else if (kind === undefined) yield await ask(() => items);
    else yield await ask(() => items.slice(0, items.length >> 1));
    if (kind === 'cut_off')
      await ask(
        () => items,
        () => Object.assign(new Error('socket hang up'), { name: 'TimeoutError' }),
      );
  }

  /** What is wrong with this listing now. What AWS says of an API it does say whole: only APIs and stages are left out. */
  #strikes(part: Part, nowMs: number): ListingFault | undefined {
    const { weather, random, tally } = this.#options;
    const kind = weather.at(nowMs);
    if (kind === undefined) return undefined;
    const isLeftOut = kind === 'empty' || kind === 'short';
    if (isLeftOut ? part === 'authorizers' || part === 'routes' : random.chance(0.3)) return undefined;
    tally.add(`listing_${kind}`);
    return kind;
  }
}

function isOf({ family }: ApiListing): (api: { readonly protocol: string }) => boolean {
  return ({ protocol }) => (protocol === 'REST') === (family === 'rest');
}
