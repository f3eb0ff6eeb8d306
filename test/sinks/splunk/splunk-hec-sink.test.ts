import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/core/secret.ts';
import type { Sink } from '../../../src/model/sink.ts';
import { createSplunkHecSettings, type SplunkHecSettings } from '../../../src/sinks/splunk/hec-settings.ts';
import { createSplunkHecSink } from '../../../src/sinks/splunk/splunk-hec-sink.ts';
import { html, json, type Reply } from '../../http/local-server.ts';
import { entryOf, metricRecord, requestEntries, requestRecord } from '../entries.ts';
import { NEVER, PARTS, placesOf } from '../sink-harness.ts';
import { type FakeHec, type HecEnvelope, startFakeHec } from './fake-hec.ts';

let hec: FakeHec;
const sinks: Sink[] = [];

beforeEach(async () => {
  hec = await startFakeHec();
});

afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close();
  await hec.close();
});

function createSink(changes: Partial<SplunkHecSettings> = {}): Sink {
  const given = { url: hec.server.url, token: new Secret('good'), timeoutMs: 5_000, ...changes };
  const sink = createSplunkHecSink({ ...PARTS, name: 'splunk', settings: createSplunkHecSettings(given) });
  sinks.push(sink);
  return sink;
}

const idsOf = (envelopes: readonly HecEnvelope[], sourcetype = 'gatewatch:access') =>
  envelopes.filter((envelope) => envelope.sourcetype === sourcetype).map(({ fields }) => fields.event_id);

const onlyAccess = { access: true, authentication: false, metric: false };

describe('what goes over the wire', () => {
  it('is one compressed body with the token, both envelopes of a request next to each other', async () => {
    await createSink({ index: 'apigw' }).send(requestEntries(2), NEVER);
    const [request] = hec.server.received;
    expect(hec.server.received).toHaveLength(1);
    expect(request).toMatchObject({ method: 'POST', path: '/services/collector/event' });
    expect(request?.headers).toMatchObject({ authorization: 'Splunk good', 'content-encoding': 'gzip' });
    expect(hec.indexed.map(({ sourcetype }) => sourcetype)).toEqual([
      'gatewatch:access',
      'gatewatch:authentication',
      'gatewatch:access',
      'gatewatch:authentication',
    ]);
    expect(hec.indexed.every(({ index }) => index === 'apigw')).toBe(true);
  });

  it('stays below 2 MiB per body before compression', async () => {
    const batch = requestEntries(3_000);
    const verdict = await createSink().send(batch, NEVER);
    expect(verdict.accepted).toHaveLength(3_000);
    expect(hec.server.received.length).toBeGreaterThan(3);
    for (const { body } of hec.server.received) expect(body.length).toBeLessThanOrEqual(2 * 1_024 * 1_024);
    expect(new Set(idsOf(hec.indexed)).size).toBe(3_000);
    expect(hec.indexed).toHaveLength(6_000);
  });

  it('is the same, byte for byte, each time an entry is sent', async () => {
    const sink = createSink({ gzipLevel: 0 });
    await sink.send(requestEntries(3), NEVER);
    await sink.send(requestEntries(3), NEVER);
    expect(hec.server.received[0]?.body.equals(hec.server.received[1]?.body ?? Buffer.alloc(0))).toBe(true);
  });

  it.each(['', '/', '/services/collector', '/services/collector/event'])(
    'accepts the url with %j',
    async (path) => {
      const verdict = await createSink({ url: hec.server.url + path }).send(requestEntries(1), NEVER);
      expect(verdict.accepted).toEqual([1]);
    },
  );
});

describe('kinds of event', () => {
  it('are left out when turned off, and an entry of which nothing is left is filtered', async () => {
    const sink = createSink({ events: { access: false, authentication: true, metric: false, alarm: false } });
    const batch = [
      entryOf(1, requestRecord(1)),
      entryOf(2, requestRecord(2, { decision: 'refused_before' })),
      entryOf(3, metricRecord(3)),
    ];
    const verdict = await sink.send(batch, NEVER);
    expect(verdict).toMatchObject({ accepted: [1], filtered: [2, 3] });
    expect(sink.streams).toEqual(['records']);
  });

  it('are authentication events only where there was a decision', async () => {
    const decisions = ['allow', 'deny', 'error', 'refused_before', 'unknown'] as const;
    const batch = decisions.map((decision, n) => entryOf(n + 1, requestRecord(n, { decision })));
    await createSink().send(batch, NEVER);
    const events = hec.indexed.filter(({ sourcetype }) => sourcetype === 'gatewatch:authentication');
    expect(events.map(({ event }) => event.action)).toEqual(['success', 'failure', 'error']);
  });

  it('count what the filter leaves out', async () => {
    const sink = createSink({
      filter: { include: [{ api: ['orders-*'] }], exclude: [{ decision: ['deny'] }] },
    });
    const batch = [
      entryOf(1, requestRecord(1)),
      entryOf(2, requestRecord(2, { apiName: 'billing' })),
      entryOf(3, requestRecord(3, { decision: 'deny' })),
      entryOf(4, metricRecord(4)),
    ];
    expect(await sink.send(batch, NEVER)).toMatchObject({ accepted: [1, 4], filtered: [2, 3] });
  });
});

describe('one bad event', () => {
  const large = 'x'.repeat(40_000);

  it('costs one event: of 966 with one too large, 965 are delivered and 1 is given up', async () => {
    hec.isBad = (_envelope, text) => text.length > 30_000;
    const batch = requestEntries(966);
    batch[75] = entryOf(76, requestRecord(75, { errorMessage: large }));
    const verdict = await createSink({ events: onlyAccess }).send(batch, NEVER);
    expect(verdict.accepted).toHaveLength(965);
    expect(verdict.rejected).toMatchObject([{ seq: 76 }]);
    expect(verdict.rejected[0]?.reason).toMatch(/code 6.*event 75/);
    expect(new Set(idsOf(hec.indexed)).size).toBe(965);
  });

  it('makes every other entry repeat at most once where the events before it were indexed', async () => {
    hec.indexesPrefix = true;
    hec.isBad = ({ event }) => /-0{9}(100|300|500)$/.test(String(event.request_id));
    const batch = requestEntries(900);
    const verdict = await createSink({ events: onlyAccess }).send(batch, NEVER);
    expect(verdict.rejected.map(({ seq }) => seq)).toEqual([101, 301, 501]);
    const copies = new Map<unknown, number>();
    for (const id of idsOf(hec.indexed)) copies.set(id, (copies.get(id) ?? 0) + 1);
    expect(copies.size).toBe(897);
    expect(Math.max(...copies.values())).toBe(2);
  });

  it('repeats nothing where the operator knows that the events before it are indexed', async () => {
    hec.indexesPrefix = true;
    hec.isBad = ({ event }) => /-0{9}(100|300)$/.test(String(event.request_id));
    const verdict = await createSink({ events: onlyAccess, keepPrefix: true }).send(
      requestEntries(500),
      NEVER,
    );
    expect(verdict.accepted).toHaveLength(498);
    expect(idsOf(hec.indexed)).toHaveLength(498);
  });

  it('takes the whole entry with it when one of its two envelopes is refused', async () => {
    hec.isBad = ({ sourcetype, event }) =>
      sourcetype === 'gatewatch:authentication' && String(event.request_id).endsWith('3');
    const verdict = await createSink().send(requestEntries(6), NEVER);
    expect(verdict.rejected.map(({ seq }) => seq)).toEqual([4]);
    expect(verdict.accepted).toEqual([1, 2, 3, 5, 6]);
  });

  it('is found by halving when the body is too large for the collector', async () => {
    hec.intercept = ({ body }) => (body.length > 30_000 ? html(413) : undefined);
    const batch = requestEntries(60);
    batch[20] = entryOf(21, requestRecord(20, { errorMessage: large }));
    const verdict = await createSink({ events: onlyAccess }).send(batch, NEVER);
    expect(verdict.accepted).toHaveLength(59);
    expect(verdict.rejected).toMatchObject([{ seq: 21 }]);
  });

  it('is not taken to be event 0 when Splunk Cloud says so of a body that is too large', async () => {
    hec.intercept = ({ body }) =>
      body.length > 1_200_000
        ? json(400, { text: 'Invalid data format', code: 6, 'invalid-event-number': 0 })
        : undefined;
    const verdict = await createSink().send(requestEntries(900), NEVER);
    expect(verdict.accepted).toHaveLength(900);
  });

  it('is found by halving when the answer names no event', async () => {
    hec.intercept = ({ body }) =>
      body.includes('/orders/17"')
        ? json(400, { text: 'Error in handling indexed fields', code: 15 })
        : undefined;
    const verdict = await createSink({ events: onlyAccess }).send(requestEntries(100), NEVER);
    expect(verdict.rejected).toMatchObject([{ seq: 18 }]);
    expect(verdict.accepted).toHaveLength(99);
  });
});

describe('an answer that asks for patience or a person', () => {
  it.each<[why: string, Reply, RegExp]>([
    ['a disabled token', json(403, { text: 'Token disabled', code: 1 }), /token is disabled/],
    [
      'an index the token may not write to',
      json(400, { text: 'Incorrect index', code: 7, 'invalid-event-number': 3 }),
      /index/,
    ],
    [
      'a token that requires acknowledgement',
      json(400, { text: 'Data channel is missing', code: 10 }),
      /acknowledgement/,
    ],
    ['a page that forbids', html(403), /HTTP 403/],
    ['a wrong address', html(404), /url/],
    ['a redirect', { status: 302, headers: { location: 'https://sso.example.com' } }, /redirect/],
    ['a proxy that refuses everything', html(400), /every part of the batch was refused/],
  ])('holds the lane for %s and gives nothing up', async (_why, reply, reason) => {
    hec.intercept = () => reply;
    const batch = requestEntries(200);
    const verdict = await createSink().send(batch, NEVER);
    placesOf(verdict, batch);
    expect(verdict.retry).toHaveLength(200);
    expect(verdict.held?.reason).toMatch(reason);
    expect(hec.server.received.length).toBeLessThan(40);
  });

  it.each<[why: string, Reply, number | undefined]>([
    ['a busy server', json(503, { text: 'Server is busy', code: 9 }), undefined],
    ['seconds', json(503, { text: 'Server is busy', code: 9 }, { 'retry-after': '42' }), 42_000],
    [
      'a date',
      json(
        429,
        { code: 26 },
        { date: 'Tue, 03 Nov 2026 10:00:00 GMT', 'retry-after': 'Tue, 03 Nov 2026 10:01:00 GMT' },
      ),
      60_000,
    ],
    ['a day', json(429, { code: 26 }, { 'retry-after': '86400' }), 900_000],
    ['a success page of a proxy', html(200), undefined],
    ['an empty success', { status: 200 }, undefined],
    ['a gateway timeout', html(504), undefined],
  ])('sends again after %s', async (_why, reply, retryAfterMs) => {
    hec.intercept = () => reply;
    const verdict = await createSink().send(requestEntries(10), NEVER);
    expect(verdict.retry).toHaveLength(10);
    expect(verdict.retryAfterMs).toBe(retryAfterMs);
    expect(verdict).not.toHaveProperty('held');
  });

  it.each([24, 25])('takes code %i as delivered and slows down', async (code) => {
    hec.intercept = () => json(200, { text: 'approaching capacity', code });
    const verdict = await createSink().send(requestEntries(10), NEVER);
    expect(verdict.accepted).toHaveLength(10);
    expect(verdict.slowDownMs).toBeGreaterThan(0);
  });

  it('does not try its other bodies on a destination that is down, and probes with one', async () => {
    hec.intercept = () => json(503, { text: 'Server is busy', code: 9 });
    const sink = createSink({ maxBodyBytes: 65_536, maxInFlight: 2 });
    const batch = requestEntries(500);
    expect((await sink.send(batch, NEVER)).retry).toHaveLength(500);
    expect(hec.server.received.length).toBeLessThanOrEqual(2);
    const before = hec.server.received.length;
    await sink.send(batch, NEVER);
    expect(hec.server.received.length - before).toBe(1);
    hec.intercept = () => undefined;
    expect((await sink.send(batch, NEVER)).accepted).toHaveLength(500);
  });

  it('keeps what was delivered before the destination went down', async () => {
    let answers = 0;
    hec.intercept = () => {
      answers += 1;
      return answers > 2 ? json(503, { code: 9 }) : undefined;
    };
    const batch = requestEntries(500);
    const verdict = await createSink({ maxBodyBytes: 65_536, maxInFlight: 1 }).send(batch, NEVER);
    placesOf(verdict, batch);
    expect(verdict.accepted.length).toBeGreaterThan(0);
    expect(verdict.retry.length).toBeGreaterThan(0);
    expect(new Set(idsOf(hec.indexed))).toEqual(
      new Set(batch.filter(({ seq }) => verdict.accepted.includes(seq)).map(({ eventId }) => eventId)),
    );
  });
});

describe('secrets', () => {
  it('keeps the old token when the file cannot be read, and says so without it', async () => {
    const warnings: unknown[] = [];
    const token = new Secret('good', () => {
      throw new Error('ENOENT: hec.token');
    });
    const settings = createSplunkHecSettings({ url: hec.server.url, token });
    const logger = { ...PARTS.logger, warn: (fields: object) => warnings.push(fields) };
    const sink = createSplunkHecSink({ ...PARTS, logger, name: 'splunk', settings });
    sinks.push(sink);
    sink.refreshSecrets();
    expect(warnings).toEqual([{ sink: 'splunk', reason: 'ENOENT: hec.token' }]);
    expect((await sink.send(requestEntries(1), NEVER)).accepted).toEqual([1]);
  });
});
