import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { createHttpTransport, MAX_ANSWER_BYTES } from '../../src/http/http-transport.ts';
import { redactionConfig } from '../../src/redact/config.ts';
import { createRedactor } from '../../src/redact/redactor.ts';
import { createDynatraceOtlpSink } from '../../src/sinks/dynatrace/dynatrace-otlp-sink.ts';
import { createDynatraceOtlpSettings } from '../../src/sinks/dynatrace/otlp-settings.ts';
import { createSplunkHecSettings } from '../../src/sinks/splunk/hec-settings.ts';
import { createSplunkHecSink } from '../../src/sinks/splunk/splunk-hec-sink.ts';
import { type LocalServer, startLocalServer } from '../http/local-server.ts';
import { startFakeOtlp } from '../sinks/dynatrace/fake-otlp.ts';
import { entryOf, requestEntries, requestRecord, unparsedRecord } from '../sinks/entries.ts';
import { NEVER, PARTS } from '../sinks/sink-harness.ts';
import { readEnvelope, startFakeHec } from '../sinks/splunk/fake-hec.ts';
import { commitRecords } from '../store/commits.ts';
import { TemporaryJournal } from '../store/temporary-journal.ts';
import { accessReader, LineRig } from './line-rig.ts';

const MIB = 1_024 * 1_024;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const closes: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

async function splunkThatTakes(maxBytes: number) {
  const hec = await startFakeHec();
  closes.push(() => hec.close());
  hec.intercept = ({ body }) => (body.length > maxBytes ? { status: 413 } : undefined);
  const events = { access: true, authentication: true, metric: false };
  const settings = createSplunkHecSettings({ url: hec.server.url, token: new Secret('good'), events });
  const sink = createSplunkHecSink({ ...PARTS, name: 'splunk', settings });
  closes.push(() => sink.close());
  return { hec, sink };
}

async function dynatrace() {
  const otlp = await startFakeOtlp();
  closes.push(() => otlp.close());
  const settings = createDynatraceOtlpSettings({ url: otlp.server.url, token: new Secret('good') });
  const sink = createDynatraceOtlpSink({ ...PARTS, name: 'dynatrace', settings });
  closes.push(() => sink.close());
  return { otlp, sink };
}

describe('an event of a size nobody expects', () => {
  let rig: LineRig;
  beforeEach(async () => {
    rig = await LineRig.start();
  });
  afterEach(() => rig.dispose());

  it.each([256 * 1_024, MIB - 500])(
    'FT-27 of %i bytes is stored whole and delivered whole to Splunk',
    async (size) => {
      const format =
        '{"id":"$context.extendedRequestId","e":"$context.error.message","status":"$context.status"}';
      const message = `{"id":"a","e":"${'é'.repeat((size - 40) / 2)}","status":"500"}`;
      const entries = await rig.read(accessReader(format), [message, `not read ${'z'.repeat(size - 20)}`]);
      expect(entries.map(({ record }) => record.kind).sort()).toEqual(['request', 'unparsed']);
      const text = 'é'.repeat((size - 40) / 2);
      const at = await rig.deliver(entries);
      for (const { record, eventId } of entries) {
        const whole = record.kind === 'request' ? text : `not read ${'z'.repeat(size - 20)}`;
        expect(record).toMatchObject(record.kind === 'request' ? { errorMessage: whole } : { raw: whole });
        expect(at.splunk.get(eventId)?.[record.kind === 'request' ? 'error_message' : 'raw']).toBe(whole);
        // Dynatrace takes 32 kB for a value: what was cut says how long it was and what it hashed to.
        const cut = String(
          at.dynatrace.get(eventId)?.[record.kind === 'request' ? 'aws.apigateway.error.message' : 'body'],
        );
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(32_000);
        expect(cut).toMatch(
          new RegExp(`\\[cut: ${Buffer.byteLength(whole)} bytes, sha256 ${sha256(whole)}\\]$`),
        );
      }
    },
  );
});

describe('a record that has become too large for any body', () => {
  const lines = Array.from({ length: 40 }, (_, n) => `${n} ${'"line"\\'.repeat(20_000)}`);
  const parts = Array.from({ length: 3_000 }, (_, n) =>
    requestRecord(1).parts.map((part) => ({ ...part, eventId: `${part.role} ${n}` })),
  ).flat();
  const record = requestRecord(1, {
    authorizerLog: lines,
    errorMessage: 'é'.repeat(500_000),
    other: { 'authorizer.integrationStatus': 'x'.repeat(600_000) },
    parts,
  });

  it('FT-27 is stored whole: what the journal gives back is what was committed, byte for byte', async () => {
    const files = new TemporaryJournal();
    closes.push(() => files.dispose());
    const journal = await files.open();
    await commitRecords(journal, [record]);
    const [row] = await journal.readStream('records', 0, 10);
    expect(row?.record).toEqual(record);
    expect(row?.body.length).toBeGreaterThan(5 * MIB);
    await journal.close();
    const [again] = await (await files.takeOver()).readStream('records', 0, 10);
    expect(again?.record).toEqual(record);
  });

  it('FT-27 goes to Splunk as a marked copy that fits, under the same ids, beside its neighbours', async () => {
    const { hec, sink } = await splunkThatTakes(2 * MIB);
    const large = entryOf(2, record);
    expect(large.body.length).toBeGreaterThan(5 * MIB);
    const batch = [entryOf(1, requestRecord(10)), large, entryOf(3, requestRecord(11))];
    expect((await sink.send(batch, NEVER)).accepted).toEqual([1, 2, 3]);
    const [copy] = hec.indexed.filter(
      ({ fields, sourcetype }) => fields.event_id === large.eventId && sourcetype === 'gatewatch:access',
    );
    expect(copy?.fields).toEqual({ event_id: large.eventId, record_id: large.recordId, revision: 0 });
    const { event } = copy ?? {};
    expect(event).toMatchObject({ request_id: record.requestId, decision: 'allow', action: 'allowed' });
    expect(String(event?.error_message)).toMatch(/^é+ \[cut: 1000000 bytes, sha256 [0-9a-f]{64}\]$/);
    expect(JSON.stringify(event?.other)).toContain(
      `[cut: ${Buffer.byteLength(large.body)} bytes, sha256 ${sha256(large.body)}]`,
    );
    const log = event?.authorizer_log;
    expect(Array.isArray(log) && log.length).toBeLessThan(40);
    expect(String(Array.isArray(log) && log.at(-1))).toMatch(
      /^\d+ lines \[cut: \d+ bytes, sha256 [0-9a-f]{64}\]$/,
    );
  });

  it('FT-27 the copy is the same each time it is sent', async () => {
    const { hec, sink } = await splunkThatTakes(2 * MIB);
    await sink.send([entryOf(1, record)], NEVER);
    await sink.send([entryOf(1, record)], NEVER);
    const [first, second] = hec.server.received;
    expect(first?.body.length).toBeGreaterThan(100_000);
    expect(second?.body.equals(first?.body ?? Buffer.alloc(0))).toBe(true);
  });

  it('FT-27 a line of which each character takes seven bytes in JSON fits as well', async () => {
    const { hec, sink } = await splunkThatTakes(2 * MIB);
    const raw = '\\u0007'.repeat(1_000_000);
    expect((await sink.send([entryOf(1, unparsedRecord(1, { raw }))], NEVER)).accepted).toEqual([1]);
    expect(String(hec.indexed[0]?.event.raw)).toMatch(/\[cut: 6000000 bytes, sha256 [0-9a-f]{64}\]$/);
  });

  it('FT-27 goes to Dynatrace with every value within 32 kB and every body within 2 MB', async () => {
    const { otlp, sink } = await dynatrace();
    const batch = [
      entryOf(1, record),
      ...requestEntries(3).map((entry) => ({ ...entry, seq: entry.seq + 1 })),
    ];
    expect((await sink.send(batch, NEVER)).accepted).toEqual([1, 2, 3, 4]);
    for (const { body } of otlp.server.received) expect(body.length).toBeLessThanOrEqual(2_000_000);
    const values = otlp.logs.flatMap(({ attributes, body }) => [body, ...Object.values(attributes)]);
    for (const value of values) expect(Buffer.byteLength(String(value))).toBeLessThanOrEqual(32_000);
    const large = otlp.logs.find(({ attributes }) => attributes.event_id === record.eventId);
    expect(String(large?.attributes['gatewatch.parts'])).toMatch(/\[cut: \d+ bytes/);
    expect(String(large?.attributes['aws.apigateway.authorizer.log'])).toMatch(/\[cut: \d+ bytes/);
  });
});

it('FT-27 a cap of the configuration cuts texts before they are stored, and marks them', () => {
  const keys = [{ id: 'k1', secret: '0123456789abcdef' }];
  const config = redactionConfig.parse({ keys, maxTextLength: 400 });
  const long = `token=hunter2hunter2 ${'x'.repeat(1_000)}`;
  const text = createRedactor(config).text(long);
  expect(text).toHaveLength(400);
  expect(text).toContain('token=[redacted:secret] xxx');
  expect(text).toContain(`[truncated len=${long.length} sha256=${sha256(long)}]`);
  expect(createRedactor(redactionConfig.parse({ keys })).text('y'.repeat(900_000))).toHaveLength(900_000);
  for (const maxTextLength of [10, 0, -1, 1.5, 2_000_000]) {
    expect(redactionConfig.safeParse({ keys, maxTextLength }).success).toBe(false);
  }
});

describe('an answer that is packed', () => {
  /** 64 KB that unpack to 64 MB. */
  const bomb = gzipSync(Buffer.alloc(64 * MIB), { level: 9 });
  const zipped = { 'content-encoding': 'gzip', 'content-type': 'application/json' };

  async function serving(body: Uint8Array): Promise<LocalServer> {
    const server = await startLocalServer(() => ({ status: 200, headers: zipped, body }));
    closes.push(() => server.close());
    return server;
  }

  it('is not asked for, and is read all the same', async () => {
    const server = await serving(gzipSync('{"text":"Success","code":0}'));
    const settings = createSplunkHecSettings({ url: server.url, token: new Secret('good') });
    const sink = createSplunkHecSink({ ...PARTS, name: 'splunk', settings });
    closes.push(() => sink.close());
    expect((await sink.send(requestEntries(2), NEVER)).accepted).toEqual([1, 2]);
    expect(server.received[0]?.headers['accept-encoding']).toBe('identity');
  });

  it('and holds sixty-four megabytes in sixty-four kilobytes unpacks to nothing and delivers nothing', async () => {
    const server = await serving(bomb);
    expect(bomb.length).toBeLessThan(MAX_ANSWER_BYTES);
    const http = createHttpTransport({ connectTimeoutMs: 1_000, timeoutMs: 5_000, connections: 1 });
    closes.push(() => http.close());
    const outcome = await http.send({ method: 'GET', url: new URL(server.url), headers: {} }, NEVER);
    expect(outcome).toMatchObject({ kind: 'answer', truncated: true });
    expect(outcome.kind === 'answer' && outcome.body.length).toBe(0);
    for (const make of [splunkAt, dynatraceAt]) {
      const sink = make(server.url);
      closes.push(() => sink.close());
      expect((await sink.send(requestEntries(2), NEVER)).retry).toEqual([1, 2]);
    }
  });

  it('and is no gzip at all is taken for what it is', async () => {
    const server = await serving(Buffer.from('{"text":"Success","code":0}'));
    const sink = splunkAt(server.url);
    closes.push(() => sink.close());
    expect((await sink.send(requestEntries(2), NEVER)).accepted).toEqual([1, 2]);
  });

  function splunkAt(url: string) {
    const settings = createSplunkHecSettings({ url, token: new Secret('good') });
    return createSplunkHecSink({ ...PARTS, name: 'splunk', settings });
  }

  function dynatraceAt(url: string) {
    const settings = createDynatraceOtlpSettings({ url, token: new Secret('good') });
    return createDynatraceOtlpSink({ ...PARTS, name: 'dynatrace', settings });
  }
});

it('a balancer that sets a cookie of a new name with each answer does not grow the requests', async () => {
  let answers = 0;
  const server = await startLocalServer((request) => {
    answers += 1;
    for (const line of request.path.endsWith('/ack') ? [] : request.body.toString().split('\n'))
      readEnvelope(line);
    const body = request.path.endsWith('/ack')
      ? '{"acks":{"0":true}}'
      : '{"text":"Success","code":0,"ackId":0}';
    return { status: 200, headers: { 'set-cookie': `name${answers}=${'v'.repeat(100)}` }, body };
  });
  closes.push(() => server.close());
  const ack = { enabled: true, pollMs: 1, timeoutMs: 2_000 };
  const settings = createSplunkHecSettings({ url: server.url, token: new Secret('good'), ack });
  const sink = createSplunkHecSink({ ...PARTS, name: 'splunk', settings });
  closes.push(() => sink.close());
  for (let time = 0; time < 40; time += 1) await sink.send(requestEntries(1), NEVER);
  expect(answers).toBeGreaterThanOrEqual(80);
  expect(server.received.at(-1)?.headers.cookie?.split('; ')).toHaveLength(20);
});
