import { describe, expect, it } from 'vitest';
import type { LogPage } from '../../src/aws/filter-log-events.ts';
import { HeldError, IncompleteReadError } from '../../src/core/errors.ts';
import { awsError, type StubHandler } from './aws-stub.ts';
import {
  CENTRAL,
  collect,
  createCountingMeter,
  createSkippingClock,
  REGION,
  stubbedClients,
} from './clients-fixture.ts';

const stub = stubbedClients();
const { serve } = stub;

function readOf(overrides: { signal?: AbortSignal } = {}) {
  const signal = new AbortController().signal;
  return {
    account: CENTRAL,
    region: REGION,
    logGroup: '/apigw/orders',
    fromMs: 1_000,
    toMs: 2_000,
    signal,
    ...overrides,
  };
}

function event(eventId: string | undefined, timestamp: number, message = `line ${eventId}`) {
  return { eventId, logStreamName: 'stream', timestamp, ingestionTime: timestamp + 5, message };
}

const ids = (pages: readonly LogPage[]) => pages.map((page) => page.events.map(({ eventId }) => eventId));

describe('filterLogEvents', () => {
  it('reads on through an empty page until no token comes back', async () => {
    const pages: Record<string, unknown> = {
      '': { events: [event('a', 1_000)], nextToken: 't1' },
      t1: { events: [], nextToken: 't2' },
      t2: { nextToken: 't3' },
      t3: { events: [event('b', 1_999)] },
    };
    const aws = await serve((call) => ({ body: pages[String(call.body.nextToken ?? '')] }));
    const read = await collect(aws.filterLogEvents(readOf()));
    expect(ids(read)).toEqual([['a'], [], [], ['b']]);
    expect(read[0]?.bytes).toBe('line a'.length + 26);
    expect(read[0]?.events[0]).toEqual({
      eventId: 'a',
      logStream: 'stream',
      timestampMs: 1_000,
      ingestionMs: 1_005,
      message: 'line a',
    });
  });

  it('keeps its window while paging and leaves the event at its end to the next window', async () => {
    const aws = await serve((call) => ({
      body: call.body.nextToken
        ? { events: [event('end', 2_000)] }
        : { events: [event('in', 1_999)], nextToken: 't' },
    }));
    expect(ids(await collect(aws.filterLogEvents(readOf())))).toEqual([['in'], []]);
    const sent = stub.calls.map(({ body }) => [body.startTime, body.endTime, body.logGroupName]);
    expect(sent).toEqual([
      [1_000, 2_000, '/apigw/orders'],
      [1_000, 2_000, '/apigw/orders'],
    ]);
  });

  it('calls nothing for an empty window', async () => {
    const aws = await serve(() => ({ body: {} }));
    expect(await collect(aws.filterLogEvents({ ...readOf(), toMs: 1_000 }))).toEqual([]);
    expect(stub.calls).toEqual([]);
  });

  it('is incomplete when a token comes back that was given before, after yielding the pages it read', async () => {
    const next: Record<string, string> = { '': 'a', a: 'b', b: 'a' };
    const aws = await serve((call) => ({
      body: { events: [], nextToken: next[String(call.body.nextToken ?? '')] },
    }));
    const pages: LogPage[] = [];
    const reading = (async () => {
      for await (const page of aws.filterLogEvents(readOf())) pages.push(page);
    })();
    await expect(reading).rejects.toThrow(/same token twice/);
    expect(pages).toHaveLength(3);
  });

  it('is incomplete, not held, when a paging token is no longer taken', async () => {
    const aws = await serve((call) =>
      call.body.nextToken
        ? awsError('InvalidParameterException', 'token expired')
        : { body: { nextToken: 'old' } },
    );
    const error = await collect(aws.filterLogEvents(readOf())).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(IncompleteReadError);
    expect(error.message).toContain('no longer takes its paging token');
  });

  it('makes an id for an event without one, the same at each read and different for identical lines', async () => {
    const events = [
      event(undefined, 1_500, 'same'),
      event(undefined, 1_500, 'same'),
      event(undefined, 1_501, 'same'),
    ];
    const aws = await serve(() => ({ body: { events } }));
    const first = ids(await collect(aws.filterLogEvents(readOf()))).flat();
    const second = ids(await collect(aws.filterLogEvents(readOf()))).flat();
    expect(new Set(first).size).toBe(3);
    expect(second).toEqual(first);
  });

  it.each([
    ['ThrottlingException', IncompleteReadError, /throttled in every attempt/],
    ['ServiceUnavailableException', IncompleteReadError, /failed in every attempt/],
    ['SomethingNewException', IncompleteReadError, /failed in every attempt/],
    [
      'AccessDeniedException',
      HeldError,
      /logs:FilterLogEvents on arn:aws:logs:eu-west-1:111122223333:log-group:\/apigw\/orders/,
    ],
    ['ExpiredTokenException', HeldError, /credentials of the SDK's default credentials/],
    ['UnrecognizedClientException', HeldError, /renew or correct them/],
    ['InvalidSignatureException', HeldError, /renew or correct them/],
    [
      'ResourceNotFoundException',
      HeldError,
      /log group \/apigw\/orders in account 111122223333, eu-west-1: it does not exist/,
    ],
    ['InvalidParameterException', HeldError, /refused as invalid/],
  ])('turns %s into what the caller must do', async (name, type, message) => {
    const aws = await serve(() =>
      awsError(name, 'said the stub', name === 'ServiceUnavailableException' ? 503 : 400),
    );
    const error = await collect(aws.filterLogEvents(readOf())).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(message);
    expect(error.cause).toBeDefined();
  });

  it('retries a throttled page, counts the throttle and loses nothing', async () => {
    const meter = createCountingMeter();
    let throttles = 1;
    const aws = await serve(
      () => (throttles-- > 0 ? awsError('ThrottlingException') : { body: { events: [event('a', 1_000)] } }),
      { meter },
    );
    expect(ids(await collect(aws.filterLogEvents(readOf())))).toEqual([['a']]);
    expect(meter.counts.get('gatewatch_aws_throttles_total')).toBe(1);
    expect(meter.counts.get('gatewatch_aws_requests_total')).toBe(2);
  });

  it('is incomplete when the server hangs up', async () => {
    const aws = await serve((_, response) => {
      response.destroy();
      return undefined;
    });
    await expect(collect(aws.filterLogEvents(readOf()))).rejects.toBeInstanceOf(IncompleteReadError);
  });

  it.each([
    ['no answer', () => undefined],
    [
      'a body that stalls',
      (_: unknown, response: { write(text: string): unknown }) => {
        response.write('{"events":[');
        return undefined;
      },
    ],
  ])('gives up on %s', async (_, handler) => {
    const timeouts = { connectMs: 500, requestMs: 100, idleMs: 100 };
    const aws = await serve(handler as StubHandler, { timeouts, maxAttempts: 1 });
    await expect(collect(aws.filterLogEvents(readOf()))).rejects.toBeInstanceOf(IncompleteReadError);
  });

  it('stops at once with the reason of its signal', async () => {
    const stop = new AbortController();
    const aws = await serve(() => {
      stop.abort(new Error('stopping'));
      return undefined;
    });
    await expect(collect(aws.filterLogEvents(readOf({ signal: stop.signal })))).rejects.toThrow('stopping');
  });

  it('stays at sixty percent of the quota, retries included', async () => {
    const clock = createSkippingClock();
    let page = 0;
    const aws = await serve(
      () => {
        page += 1;
        if (page % 10 === 0) return awsError('ServiceUnavailableException', 'busy', 503);
        return { body: { nextToken: page < 40 ? `t${page}` : undefined } };
      },
      { clock },
    );
    const begun = clock.monotonic();
    await collect(aws.filterLogEvents(readOf()));
    const seconds = (clock.monotonic() - begun) / 1_000;
    const calls = stub.calls.length;
    expect(calls).toBeGreaterThan(40);
    expect(calls).toBeLessThanOrEqual(6 * seconds + 3.01);
  });
});
