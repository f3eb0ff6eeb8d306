import { mapItems } from '../core/passing-on.ts';
import type { TokenBucket } from '../core/token-bucket.ts';
import type { Page, Source } from '../model/source-event.ts';

/**
 * A source that makes no more calls than the bucket allows. A page is one call; each is paid for after it came, because
 * only the page itself tells whether another call follows.
 */
export function createRateLimitedSource<R>(source: Source<R>, bucket: TokenBucket): Source<R> {
  return {
    unit: source.unit,
    read: (...[window, signal, urgency, isKnown]: Parameters<Source<R>['read']>): AsyncIterable<Page<R>> =>
      mapItems(source.read(window, signal, urgency, isKnown), async (page) => {
        await bucket.take(signal);
        return page;
      }),
  };
}
