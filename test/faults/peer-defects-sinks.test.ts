import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import type { Sink } from '../../src/model/sink.ts';
import { createSplunkHecSettings } from '../../src/sinks/splunk/hec-settings.ts';
import { createSplunkHecSink } from '../../src/sinks/splunk/splunk-hec-sink.ts';
import { createSplunkLoggingTransport } from '../../src/sinks/splunk/splunk-logging-transport.ts';
import { html, json, type Reply, startLocalServer } from '../http/local-server.ts';
import { LOCALHOST_TLS } from '../http/localhost-tls.ts';
import { errorEnvelope, type FakeOtlp } from '../sinks/dynatrace/fake-otlp.ts';
import { requestEntries } from '../sinks/entries.ts';
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
const hecIds = () => hec.indexed.map(({ fields }) => fields.event_id);
const otlpIds = () => otlp.logs.map(({ attributes }) => attributes.event_id);

describe('dynatrace-aws-log-forwarder', () => {
  it('peer defect, dynatrace-aws-log-forwarder index.py: 429 is asked again until it is taken, nothing is dropped', async () => {
    otlp.refuse = () => errorEnvelope(429, 'too many requests');
    const ids = await rig.requests(100);
    const drain = await rig.run(rig.dynatrace(otlp.server.url));
    await until(() => otlp.server.received.length >= 6, 'it was refused six times');
    expect(drain.status).toMatchObject({
      cursor: 0,
      counts: { accepted: 0 },
      trouble: expect.stringContaining('429'),
    });
    otlp.refuse = () => undefined;
    await until(() => drain.status.cursor === 100, 'all is delivered');
    expect(otlpIds()).toEqual(ids);
  });

  it('peer defect, dynatrace-aws-log-forwarder index.py: 413 halves the body, and only what is too large alone is given up, by name', async () => {
    otlp.refuse = ({ body }) => (body.length > 60_000 ? errorEnvelope(413, 'too large') : undefined);
    const ids = await rig.requests(300, (n) =>
      n === 7 ? { errorMessage: 'e'.repeat(31_000), path: 'p'.repeat(31_000) } : {},
    );
    const drain = await rig.run(rig.dynatrace(otlp.server.url));
    await until(() => drain.status.cursor === 300, 'every record has an end');
    expect(otlpIds().sort()).toEqual(ids.filter((_, n) => n !== 7).sort());
    expect(await rig.journal.deadLetters()).toMatchObject([
      { seq: 8, reason: expect.stringContaining('413') },
    ]);
    expect(drain.status.counts).toMatchObject({ accepted: 299, rejected: 1 });
  });
});

/** Our own client, and the package itself behind our port. */
const clients: readonly (readonly [string, (url: string, ca?: string) => Sink])[] = [
  ['own client', (url, ca) => rig.splunk(url, { events: onlyAccess, ...(ca === undefined ? {} : { ca }) })],
  ['the package behind our port', (url, ca) => adapted(url, ca)],
];

function adapted(url: string, ca?: string): Sink {
  const given = { url, token: new Secret('good'), events: onlyAccess, timeoutMs: 5_000 };
  const settings = createSplunkHecSettings({ ...given, ...(ca === undefined ? {} : { ca }) });
  const transport = createSplunkLoggingTransport(settings);
  return createSplunkHecSink({ ...rig.parts, name: 'splunk', settings, transport });
}

describe.each(clients)('splunk-logging (%s)', (_, sinkAt) => {
  it.each<[string, Reply]>([
    ['503: asked again until it is taken', json(503, { text: 'Server is busy', code: 9 })],
    ['errors in HTML: told and asked again, not lost in silence', html(502)],
    ['a success page in HTML: no success', html(200)],
  ])('peer defect, splunk-logging %s', async (_what, reply) => {
    hec.intercept = () => reply;
    const ids = await rig.requests(50);
    const drain = await rig.run(sinkAt(hec.server.url));
    await until(() => hec.server.received.length >= 5, 'it was asked five times');
    expect(drain.status).toMatchObject({
      cursor: 0,
      trouble: expect.stringContaining(`HTTP ${reply.status}`),
    });
    hec.intercept = () => undefined;
    await until(() => drain.status.cursor === 50, 'all is delivered');
    expect(hecIds()).toEqual(ids);
  });

  it('peer defect, splunk-logging TLS: a certificate that nobody vouches for gets neither token nor data', async () => {
    const server = await startLocalServer(() => json(200, { text: 'Success', code: 0 }), LOCALHOST_TLS);
    await rig.requests(5);
    const drain = await rig.run(sinkAt(server.url));
    await until(() => drain.status.held !== undefined, 'the lane is held');
    expect(drain.status.held).toMatch(/^TLS: .*certificate/);
    expect(server.received).toEqual([]);
    const trusted = await sinkAt(server.url, LOCALHOST_TLS.cert).send(
      requestEntries(5),
      new AbortController().signal,
    );
    expect(trusted.accepted).toHaveLength(5);
    await server.close();
  });
});

describe('OpenTelemetry’s Splunk exporter', () => {
  const large = (n: number) => (n === 75 ? { errorMessage: 'x'.repeat(900_000) } : {});

  it.each<[string, () => void]>([
    [
      'names the event',
      () => {
        hec.isBad = (_envelope, text) => text.length > 800_000;
      },
    ],
    [
      'answers 413',
      () => {
        hec.intercept = ({ body }) => (body.length > 800_000 ? html(413) : undefined);
      },
    ],
    [
      'answers 400 and names nothing',
      () => {
        hec.intercept = ({ body }) =>
          body.length > 800_000 ? json(400, { text: 'Invalid data format', code: 6 }) : undefined;
      },
    ],
  ])(
    'peer defect, OpenTelemetry splunk_hec exporter, one of 966 events too large, the collector %s: 965 delivered, 1 dead letter',
    async (_, prepare) => {
      prepare();
      const ids = await rig.requests(966, large);
      const drain = await rig.run(rig.splunk(hec.server.url, { events: onlyAccess }));
      await until(() => drain.status.cursor === 966, 'every event has an end');
      expect(new Set(hecIds())).toEqual(new Set(ids.filter((_id, n) => n !== 75)));
      expect(hecIds()).toHaveLength(965);
      expect(await rig.journal.deadLetters()).toMatchObject([{ seq: 76, eventId: ids[75] }]);
    },
  );

  it('peer defect, OpenTelemetry splunk_hec exporter: code 24 is a success that slows down, not an error and not ignored', async () => {
    hec.intercept = ({ body }) => {
      hec.indexed.push(
        ...body
          .toString()
          .split('\n')
          .map((line) => JSON.parse(line)),
      );
      return json(200, { text: 'approaching capacity', code: 24 });
    };
    const ids = await rig.requests(20);
    const drain = await rig.run(rig.splunk(hec.server.url, { events: onlyAccess }));
    await until(() => drain.status.cursor === 20, 'all is delivered');
    expect(hecIds()).toEqual(ids);
    expect(rig.meter.answers('near_capacity')).toBe(1);
  });
});
