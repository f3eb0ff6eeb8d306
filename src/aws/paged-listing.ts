import { IncompleteReadError } from '../core/errors.ts';

export interface ListingPage<T> {
  readonly items: readonly T[];
  /** `position` of the first control plane, `NextToken` of the others; absent or empty at the end. */
  readonly next: string | undefined;
}

/** Follows a listing to its end, page by page. A token that repeats makes it incomplete instead of endless. */
export async function* pagedListing<T>(
  what: string,
  fetchPage: (token: string | undefined) => Promise<ListingPage<T>>,
): AsyncIterable<readonly T[]> {
  const tokens = new Set<string>();
  let token: string | undefined;
  do {
    const page = await fetchPage(token);
    yield page.items;
    token = page.next || undefined;
    if (token !== undefined) {
      if (tokens.has(token))
        throw new IncompleteReadError(`${what} gave the same token twice; it is read again`);
      tokens.add(token);
    }
  } while (token !== undefined);
}
