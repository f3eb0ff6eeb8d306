import { describe, expect, it } from 'vitest';
import { IncompleteReadError } from '../../src/core/errors.ts';
import type { LogPart } from '../../src/model/part.ts';
import type { LogEvent, Page } from '../../src/model/source-event.ts';
import { createLogSource, type LogEventsClient } from '../../src/sources/log-window-source.ts';
import { GROUP, logEvent } from './log-fixtures.ts';

const toParts = (events: readonly LogEvent[]): readonly LogPart[] =>
  events.map((event) => ({ role: 'filtered', source: { ...GROUP, ...event }, rule: event.message }));

function sourceOver(client: LogEventsClient) {
  return createLogSource({
    unit: 'logs:111122223333:eu-west-1:/apigw/orders',
    group: GROUP,
    client,
    toParts,
  });
}

describe('a log group as a source', () => {
  it('asks for the window and yields every page, empty ones included', async () => {
    const asked: unknown[] = [];
    const source = sourceOver({
      async *filterLogEvents({ signal: _signal, ...read }) {
        asked.push(read);
        yield { events: [logEvent('a'), logEvent('b')], bytes: 54 };
        yield { events: [], bytes: 0 };
        yield { events: [logEvent('c')], bytes: 27 };
      },
    });
    const pages: Page<LogPart>[] = [];
    for await (const page of source.read({ fromMs: 1, toMs: 2 }, new AbortController().signal, 'behind'))
      pages.push(page);
    expect(asked).toEqual([{ ...GROUP, fromMs: 1, toMs: 2, urgency: 'behind' }]);
    expect(pages.map((page) => [page.items.length, page.read, page.bytes])).toEqual([
      [2, 2, 54],
      [0, 0, 0],
      [1, 1, 27],
    ]);
  });

  it('passes on that a window was not read whole, after the pages that were', async () => {
    const source = sourceOver({
      async *filterLogEvents() {
        yield { events: [logEvent('a')], bytes: 27 };
        throw new IncompleteReadError('token repeated');
      },
    });
    const seen: number[] = [];
    const reading = (async () => {
      for await (const page of source.read({ fromMs: 1, toMs: 2 }, new AbortController().signal, 'behind'))
        seen.push(page.read);
    })();
    await expect(reading).rejects.toThrow(IncompleteReadError);
    expect(seen).toEqual([1]);
  });
});
