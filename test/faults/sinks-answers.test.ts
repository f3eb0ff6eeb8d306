import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import type { LaneDrain } from '../../src/pipeline/drain-lane.ts';
import { reactToOtlp } from '../../src/sinks/dynatrace/otlp-reaction.ts';
import { html, json, type Reply } from '../http/local-server.ts';
import { errorEnvelope, type FakeOtlp, partialSuccess } from '../sinks/dynatrace/fake-otlp.ts';
import { NOW_MS } from '../sinks/entries.ts';
import type { FakeHec } from '../sinks/splunk/fake-hec.ts';
import { until } from '../support/fake-clock.ts';
import { onlyAccess, SinkRig } from './sink-rig.ts';

let rig: SinkRig;
let hec: FakeHec;
let otlp: FakeOtlp;

beforeEach(async () => {
  ({ rig, hec, otlp } = await SinkRig.withDestinations());
});
afterEach(() => rig.dispose());

/** Either destination, as far as these tests tell them apart. */
interface Destination {
  readonly name: string;
  readonly run: () => Promise<LaneDrain>;
  /** Every request from now on is answered so; `undefined` = well again. */
  readonly answer: (reply: Reply | undefined) => void;
  readonly taken: () => readonly unknown[];
  readonly requests: () => number;
}

const destinations: readonly Destination[] = [
  {
    name: 'HEC',
    run: () => rig.run(rig.splunk(hec.server.url, { events: onlyAccess })),
    answer: (reply) => {
      hec.intercept = () => reply;
    },
    taken: () => hec.indexed.map(({ fields }) => fields.event_id),
    requests: () => hec.server.received.length,
  },
  {
    name: 'OTLP',
    run: () => rig.run(rig.dynatrace(otlp.server.url)),
    answer: (reply) => {
      otlp.refuse = () => reply;
    },
    taken: () => otlp.logs.map(({ attributes }) => attributes.event_id),
    requests: () => otlp.server.received.length,
  },
];

async function drained(drain: LaneDrain, count: number): Promise<void> {
  await until(() => drain.status.cursor === count, `the cursor is at ${count}`);
}

describe.each(destinations)('$name that throttles', ({ run, answer, taken, requests }) => {
  const AT = 'Tue, 03 Nov 2026 10:00:00 GMT';

  it.each<[string, Record<string, string>, number]>([
    ['42 seconds', { 'retry-after': '42' }, 42_000],
    ['a date one minute later', { date: AT, 'retry-after': 'Tue, 03 Nov 2026 10:01:00 GMT' }, 60_000],
    ['a day, of which 15 minutes are waited', { 'retry-after': '86400' }, 900_000],
  ])(
    'FT-05 429 with Retry-After of %s: waits that long, counts it, loses nothing',
    async (_, headers, waitMs) => {
      answer(json(429, { code: 26, error: { code: 429, message: 'busy' } }, headers));
      const ids = await rig.requests(40);
      const drain = await run();
      await until(() => rig.meter.answers('throttled') >= 3, 'it was throttled three times');
      expect(taken()).toEqual([]);
      expect(rig.waited.filter((ms) => ms >= waitMs).length).toBeGreaterThanOrEqual(2);
      expect(Math.max(...rig.waited)).toBe(waitMs);
      answer(undefined);
      await drained(drain, 40);
      expect([...taken()].sort()).toEqual([...ids].sort());
      expect(rig.meter.answers('throttled')).toBe(requests() - rig.meter.answers('delivered'));
      expect(await rig.journal.deadLetters()).toEqual([]);
    },
  );
});

describe('the answers of OTLP', () => {
  const pieces = Array.from({ length: 8 }, (_, n) => ({ seq: n + 1, bytes: 100, eventMs: NOW_MS }));
  const context = {
    items: 8,
    decode: () => ({ rejected: 0, message: '' }),
    nowMs: NOW_MS,
    maxAgeMs: 86_400_000,
  };

  function reactionTo(status: number): string {
    const body = Buffer.from('{"error":{"message":"no"}}');
    const headers = { 'content-type': 'application/json' };
    const answer = { kind: 'answer', status, headers, body, truncated: false } as const;
    const reaction = reactToOtlp(answer, pieces, context);
    if (reaction.kind !== 'retry') return reaction.kind;
    return reaction.retryAfterMs === undefined ? 'retry' : `retry after ${reaction.retryAfterMs}`;
  }

  it('FT-06 of all statuses exactly 429, 502, 503 and 504 are retried as the specification says', () => {
    const statuses = Array.from({ length: 400 }, (_, n) => 200 + n);
    expect(statuses.filter((status) => reactionTo(status) === 'retry' && status !== 200)).toEqual([
      // A 2xx with a body that is no OTLP is asked again too: nothing is known to have arrived.
      202, 204, 429, 502, 503, 504,
    ]);
    expect([401, 403].map(reactionTo)).toEqual(['held', 'held']);
    expect([400, 413].map(reactionTo)).toEqual(['regroup', 'regroup']);
    expect([500, 408, 501].map(reactionTo)).toEqual(Array(3).fill('retry after 30000'));
    expect(statuses.filter((status) => reactionTo(status) === 'unclear')).toEqual([]);
  });

  it.each([401, 403])('FT-06 %i holds the lane, says so once, and gives nothing up', async (status) => {
    otlp.refuse = () => errorEnvelope(status, 'scope');
    await rig.requests(20);
    const drain = await rig.run(rig.dynatrace(otlp.server.url));
    await until(() => otlp.server.received.length >= 5, 'it was probed');
    expect(drain.status.held).toContain(String(status));
    expect(rig.logger.at('error')).toHaveLength(1);
    otlp.refuse = () => undefined;
    await drained(drain, 20);
    expect(await rig.journal.deadLetters()).toEqual([]);
  });

  it('FT-06 400 is bisected to the one record that it means', async () => {
    otlp.refuse = (_request, items) =>
      items.some((item) => 'body' in item && item.attributes['url.path'] === '/orders/17')
        ? errorEnvelope(400, 'attribute refused')
        : undefined;
    const ids = await rig.requests(64);
    await drained(await rig.run(rig.dynatrace(otlp.server.url)), 64);
    expect(otlp.logs.map(({ attributes }) => attributes.event_id).sort()).toEqual(
      ids.filter((_, n) => n !== 17).sort(),
    );
    expect(await rig.journal.deadLetters()).toMatchObject([
      { seq: 18, eventId: ids[17], reason: expect.stringContaining('attribute refused') },
    ]);
    expect(otlp.server.received.length).toBeLessThanOrEqual(14);
  });

  it('FT-06 500 is outside the list of the specification: asked again slowly, for ever, and nothing is dropped', async () => {
    otlp.refuse = () => errorEnvelope(500, 'trouble');
    const ids = await rig.requests(10);
    const drain = await rig.run(rig.dynatrace(otlp.server.url));
    await until(() => otlp.server.received.length >= 20, 'it was asked twenty times');
    expect(rig.waited.filter((ms) => ms >= 29_500).length).toBeGreaterThanOrEqual(19);
    otlp.refuse = () => undefined;
    await drained(drain, 10);
    expect(otlp.logs.map(({ attributes }) => attributes.event_id)).toEqual(ids);
  });

  it('FT-14 partial success is counted with its message and never sent again', async () => {
    let answered = 0;
    otlp.refuse = () => {
      answered += 1;
      return answered === 1 ? partialSuccess(3, 'invalid dimension') : undefined;
    };
    await rig.requests(10);
    const drain = await rig.run(rig.dynatrace(otlp.server.url));
    await drained(drain, 10);
    expect(otlp.server.received).toHaveLength(1);
    expect(drain.status.counts).toMatchObject({ accepted: 7, rejectedUnknown: 3, rejected: 0 });
    const [warning] = rig.logger.at('warn');
    expect(warning?.fields).toMatchObject({ count: 3, reason: 'invalid dimension', fromSeq: 1, toSeq: 10 });
    expect((await rig.journal.lanes())[0]?.rejectedUnknown).toBe(3);
  });
});

describe('a HEC batch with one bad event', () => {
  const large = 'x'.repeat(600_000);
  const withLarge = (n: number) => (n === 75 ? { errorMessage: large } : {});

  async function deliver966(changes: Parameters<SinkRig['splunk']>[1] = {}) {
    const ids = await rig.requests(966, withLarge);
    const drain = await rig.run(rig.splunk(hec.server.url, { events: onlyAccess, ...changes }));
    await drained(drain, 966);
    const letters = await rig.journal.deadLetters();
    expect(letters).toMatchObject([{ seq: 76, eventId: ids[75] }]);
    expect(drain.status.counts).toMatchObject({ accepted: 965, rejected: 1 });
    const taken = hec.indexed.map(({ fields }) => fields.event_id);
    expect(new Set(taken)).toEqual(new Set(ids.filter((_, n) => n !== 75)));
    return { taken, letter: letters[0] };
  }

  it('FT-09 named by its number: 965 of 966 are delivered, the one is a dead letter, nothing else is repeated', async () => {
    hec.isBad = (_envelope, text) => text.length > 500_000;
    const { taken, letter } = await deliver966();
    expect(taken).toHaveLength(965);
    expect(letter?.reason).toMatch(/code 6.*event 75 of its body/);
  });

  it('FT-09 where the events before it were indexed after all, they are repeated once, under ids that are known', async () => {
    hec.isBad = (_envelope, text) => text.length > 500_000;
    hec.indexesPrefix = true;
    const { taken } = await deliver966();
    expect(taken).toHaveLength(965 + 75);
  });

  it('FT-09 with `keepPrefix` the events before it count as delivered and nothing is repeated', async () => {
    hec.isBad = (_envelope, text) => text.length > 500_000;
    hec.indexesPrefix = true;
    const { taken } = await deliver966({ keepPrefix: true });
    expect(taken).toHaveLength(965);
  });

  it('FT-09 a body that Splunk Cloud finds too large and blames on event 0 is split, at any limit', async () => {
    for (const limit of [20_000, 400_000, 1_500_000]) {
      hec.intercept = ({ body }) =>
        body.length > limit
          ? json(400, { text: 'Invalid data format', code: 6, 'invalid-event-number': 0 })
          : undefined;
      const before = hec.server.received.length;
      const verdict = await rig
        .splunk(hec.server.url, { events: onlyAccess })
        .send(await entriesOf(900), new AbortController().signal);
      expect(verdict.accepted).toHaveLength(900);
      expect(hec.server.received.length - before).toBeLessThan(500);
    }
  });

  it('FT-10 413 halves the body down to the one event, which alone is given up', async () => {
    hec.intercept = ({ body }) => (body.length > 500_000 ? html(413) : undefined);
    const { taken, letter } = await deliver966();
    expect(taken).toHaveLength(965);
    expect(letter?.reason).toMatch(/HTTP 413.*alone in its body/);
    expect(hec.server.received.length).toBeLessThan(40);
  });

  async function entriesOf(count: number) {
    if ((await rig.journal.lastSeq()) === 0) await rig.requests(count);
    return rig.journal.readStream('records', 0, count);
  }
});

describe('a HEC that says how it is', () => {
  it.each([24, 25])(
    'FT-11 200 with code %i is accepted once, slows the lane down, and is counted',
    async (code) => {
      hec.intercept = ({ body }) => {
        hec.indexed.push(
          ...body
            .toString()
            .split('\n')
            .map((line) => JSON.parse(line)),
        );
        return json(200, { text: 'approaching capacity', code });
      };
      const ids = await rig.requests(30);
      const drain = await rig.run(rig.splunk(hec.server.url, { events: onlyAccess, maxBatchEntries: 10 }));
      await drained(drain, 30);
      expect(hec.indexed.map(({ fields }) => fields.event_id).sort()).toEqual([...ids].sort());
      expect(rig.meter.answers('near_capacity')).toBe(3);
      await until(
        () => rig.waited.filter((ms) => ms === 1_000).length >= 3,
        'the lane paused after each batch',
      );
      expect(drain.status.counts).toMatchObject({ accepted: 30, rejected: 0 });
    },
  );

  it('FT-12 503 code 9 is tried again until it is well', async () => {
    hec.intercept = () => json(503, { text: 'Server is busy', code: 9 });
    const ids = await rig.requests(30);
    const drain = await rig.run(rig.splunk(hec.server.url, { events: onlyAccess }));
    await until(() => hec.server.received.length >= 8, 'it was tried eight times');
    expect(drain.status).toMatchObject({ held: undefined, trouble: expect.stringContaining('busy') });
    hec.intercept = () => undefined;
    await drained(drain, 30);
    expect(hec.indexed.map(({ fields }) => fields.event_id)).toEqual(ids);
  });
});

describe('what a person must mend', () => {
  it.each<[string, Reply]>([
    ['403 invalid token', json(403, { text: 'Invalid token', code: 4 })],
    ['403 disabled token', json(403, { text: 'Token disabled', code: 1 })],
    ['400 incorrect index', json(400, { text: 'Incorrect index', code: 7, 'invalid-event-number': 3 })],
    ['401 of an expired credential', html(401)],
    ['403 of a denied role', html(403)],
  ])('FT-12 %s: held, said once, probed slowly with one batch, resumed by itself', async (_, reply) => {
    hec.intercept = () => reply;
    const ids = await rig.requests(60);
    const sink = rig.splunk(hec.server.url, { events: onlyAccess, maxBatchEntries: 10 });
    const drain = await rig.run(sink, { heldProbeMs: 31_000, batchesInFlight: 3 });
    await until(() => hec.server.received.length >= 9, 'it was probed');
    expect(drain.status.held).toMatch(/\S/);
    const [said, ...more] = rig.logger.at('error');
    expect(said?.message).toContain('lane held: nothing is lost');
    expect(more).toEqual([]);
    expect((await rig.journal.lanes())[0]?.heldReason).toBe(drain.status.held);
    // Up to three batches met the fault at first; from then on every question is paid for with the long wait.
    const probes = rig.waited.filter((ms) => ms > 30_500).length;
    expect(hec.server.received.length - probes).toBeLessThanOrEqual(3);
    hec.intercept = () => undefined;
    await drained(drain, 60);
    expect(hec.indexed.map(({ fields }) => fields.event_id).sort()).toEqual([...ids].sort());
    expect(drain.status).toMatchObject({ held: undefined, heldSinceMs: undefined });
    expect(await rig.journal.deadLetters()).toEqual([]);
    expect(rig.logger.at('info').map(({ message }) => message)).toEqual(['lane resumed']);
  });

  it('FT-12 a token that was put right in its file is read before the next probe', async () => {
    const file = { token: 'wrong' };
    const ids = await rig.requests(5);
    const token = new Secret(file.token, () => file.token);
    const drain = await rig.run(rig.splunk(hec.server.url, { events: onlyAccess, token }));
    await until(() => drain.status.held !== undefined, 'the lane is held');
    file.token = 'good';
    await drained(drain, 5);
    expect(hec.indexed.map(({ fields }) => fields.event_id)).toEqual(ids);
  });
});
