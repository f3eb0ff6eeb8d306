import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { isObject } from '../../src/core/json.ts';
import type { Sandbox } from '../../src/sandbox/server.ts';
import type { HecSettings } from '../../src/sandbox/splunk-hec.ts';
import { startedSandbox } from './started-sandbox.ts';

const CHANNEL = '11111111-2222-3333-4444-555555555555';

function hecSandbox(hec: Partial<HecSettings> = {}): Promise<Sandbox> {
  return startedSandbox({
    hec: { ackDelayMs: 0, ...hec },
    hecTokens: [
      { token: 'good', indexes: ['apigw', 'other'] },
      { token: 'acked', indexes: ['apigw'], ack: true },
      { token: 'off', disabled: true },
    ],
  });
}

interface Sent {
  readonly path?: string;
  readonly token?: string | null;
  readonly headers?: Record<string, string>;
}

async function post(sandbox: Sandbox, body: string | Buffer, sent: Sent = {}) {
  const token = sent.token === undefined ? 'Splunk good' : sent.token;
  const response = await fetch(`${sandbox.url}/services/collector${sent.path ?? '/event'}`, {
    method: 'POST',
    headers: { ...(token === null ? {} : { authorization: token }), ...sent.headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  return { status: response.status, text, body: isJson ? JSON.parse(text) : undefined };
}

const one = (n: number) => JSON.stringify({ time: 1_700_000_000 + n / 10, index: 'apigw', event: { n } });

function eventNumbers(sandbox: Sandbox): unknown[] {
  return [...sandbox.acceptedEvents()].map(({ event }) => (isObject(event) ? event.n : event));
}

describe('the Splunk stand-in accepting events', () => {
  it('records each envelope with its metadata, in order of arrival', async () => {
    const sandbox = await hecSandbox();
    const envelope = {
      time: 1_700_000_000.123,
      host: 'h',
      source: 's',
      sourcetype: 'gatewatch:access',
      event: { a: 'ü}{"' },
      fields: { event_id: 'x', many: ['a', 'b'] },
    };
    const answer = await post(sandbox, JSON.stringify(envelope));
    expect(answer).toMatchObject({ status: 200, body: { text: 'Success', code: 0 } });
    const [event] = sandbox.acceptedEvents();
    expect(event).toEqual({ n: 0, receivedMs: expect.any(Number), index: 'apigw', ...envelope });
  });

  it.each([
    ['one a line', `${one(0)}\n${one(1)}\n${one(2)}\n`],
    ['without anything between', one(0) + one(1) + one(2)],
    [
      'over several lines',
      [0, 1, 2].map((n) => JSON.stringify({ event: { n, text: '}\n{' } }, null, 2)).join('\n'),
    ],
    ['as an array', `[${one(0)},${one(1)},${one(2)}]`],
    ['as an array below blank lines', `${' '.repeat(80)}\n [${one(0)},\n${one(1)},${one(2)}]`],
    ['first one a line, then two on one', `\n${one(0)}\r\n\n ${one(1)} ${one(2)}`],
  ])('reads envelopes %s', async (_name, body) => {
    const sandbox = await hecSandbox();
    expect((await post(sandbox, body)).status).toBe(200);
    expect(eventNumbers(sandbox)).toEqual([0, 1, 2]);
  });

  it('unpacks gzip, refuses other encodings with a page, and keeps repeats as rows of their own', async () => {
    const sandbox = await hecSandbox();
    const gzip = { headers: { 'content-encoding': 'gzip' } };
    await post(sandbox, gzipSync(`${one(0)}\n${one(1)}`), gzip);
    await post(sandbox, gzipSync(one(0)), gzip);
    expect([...sandbox.acceptedEvents()].map(({ n, event }) => [n, event])).toEqual([
      [0, { n: 0 }],
      [1, { n: 1 }],
      [2, { n: 0 }],
    ]);
    const other = await post(sandbox, one(0), { headers: { 'content-encoding': 'br' } });
    expect(other.status).toBe(415);
    expect(other.text).toContain('<html>');
  });

  it('takes raw lines with the metadata of the query', async () => {
    const sandbox = await hecSandbox();
    await post(sandbox, 'first\n\nsecond\n', { path: '/raw?sourcetype=st&index=other&host=h' });
    expect([...sandbox.acceptedEvents()]).toMatchObject([
      { event: 'first', sourcetype: 'st', index: 'other', host: 'h' },
      { event: 'second' },
    ]);
  });
});

describe('the Splunk stand-in refusing', () => {
  it.each([
    ['no token', null, 401, 2],
    ['a Bearer token', 'Bearer good', 401, 3],
    ['an unknown token', 'Splunk nobody', 403, 4],
    ['a disabled token', 'Splunk off', 403, 1],
  ])('answers %s', async (_name, token, status, code) => {
    const sandbox = await hecSandbox();
    expect(await post(sandbox, one(0), { token })).toMatchObject({ status, body: { code } });
    expect(eventNumbers(sandbox)).toEqual([]);
  });

  it('takes the token as a Basic password and not in the query', async () => {
    const sandbox = await hecSandbox();
    const basic = `Basic ${Buffer.from('x:good').toString('base64')}`;
    expect((await post(sandbox, one(0), { token: basic })).status).toBe(200);
    expect((await post(sandbox, one(0), { token: null, path: '/event?token=good' })).body.code).toBe(16);
    expect((await post(sandbox, one(0), { token: null, path: '/event?token=bad' })).body.code).toBe(4);
  });

  it.each([
    ['no body', '  ', 5, undefined],
    ['broken JSON', `${one(0)}\n{"event":`, 6, 1],
    ['a comma between', `${one(0)},${one(1)}`, 6, 1],
    ['a comma at the end of a line', `${one(0)},\n${one(1)}`, 6, 1],
    ['a broken line between good ones', `${one(0)}\n${one(1)}\n{"event":\n${one(3)}`, 6, 2],
    ['a line that is an array', `${one(0)}\n[${one(1)}]`, 6, 1],
    ['text behind', `${one(0)} x`, 6, 1],
    ['fields that are no object', `${one(0)}${JSON.stringify({ event: 1, fields: 'x' })}`, 6, 1],
    ['a foreign index', `${one(0)}\n${JSON.stringify({ event: 1, index: 'secret' })}`, 7, 1],
    ['no event', `${one(0)}\n${one(1)}\n{"time":1}`, 12, 2],
    ['event null', '{"event":null}', 12, 0],
    ['a blank event', `${one(0)}{"event":""}`, 13, 1],
    ['nested fields', `${one(0)}${JSON.stringify({ event: 1, fields: { a: { b: 1 } } })}`, 15, 1],
    ['a time in exponent form', `${one(0)}\n{"time":1.79E9,"event":1}`, 15, 1],
    ['a time that is text', '{"time":"2026-01-01","event":1}', 15, 0],
  ])('names %s', async (_name, body, code, number) => {
    const sandbox = await hecSandbox();
    const answer = await post(sandbox, body);
    expect(answer).toMatchObject({ status: 400, body: { code } });
    expect(answer.body['invalid-event-number']).toBe(number);
    expect(eventNumbers(sandbox)).toEqual(Array.from({ length: number ?? 0 }, (_, n) => n));
  });

  it('does not take an exponent inside the event for a bad time', async () => {
    const sandbox = await hecSandbox();
    expect((await post(sandbox, '{"time":1,"event":{"time":1e9}}')).status).toBe(200);
  });

  it('indexes nothing of a refused body where the release does so', async () => {
    const sandbox = await hecSandbox({ beforeBadEvent: 'dropped' });
    expect((await post(sandbox, `${one(0)}\n{"time":1}`)).body['invalid-event-number']).toBe(1);
    expect(eventNumbers(sandbox)).toEqual([]);
  });

  it('refuses an oversize body with a page, or as Splunk Cloud does', async () => {
    const body = JSON.stringify({ event: 'x'.repeat(2_000) });
    const enterprise = await post(await hecSandbox({ maxBodyBytes: 1_000 }), body);
    expect(enterprise.status).toBe(413);
    expect(enterprise.text).toContain('<html>');
    const cloud = await hecSandbox({ maxBodyBytes: 1_000, oversize: 'cloud' });
    const packed = await post(cloud, gzipSync(body), { headers: { 'content-encoding': 'gzip' } });
    expect(packed).toMatchObject({ status: 400, body: { code: 6, 'invalid-event-number': 0 } });
  });

  it('follows a token rotation', async () => {
    const sandbox = await hecSandbox();
    const tokens = { hecTokens: [{ token: 'new' }] };
    await fetch(`${sandbox.url}/_sandbox/tokens`, { method: 'POST', body: JSON.stringify(tokens) });
    expect((await post(sandbox, one(0))).status).toBe(403);
    expect((await post(sandbox, one(0), { token: 'Splunk new' })).status).toBe(200);
  });
});

describe('indexer acknowledgement', () => {
  const acked = { token: 'Splunk acked', headers: { 'x-splunk-request-channel': CHANNEL } };

  it('gives an id per request and channel, true once and then forgotten', async () => {
    const sandbox = await hecSandbox();
    expect((await post(sandbox, one(0), acked)).body.ackId).toBe(0);
    expect((await post(sandbox, one(1), acked)).body.ackId).toBe(1);
    const ask = () => post(sandbox, '{"acks":[0,1,7]}', { ...acked, path: `/ack?channel=${CHANNEL}` });
    expect((await ask()).body).toEqual({ acks: { 0: true, 1: true, 7: false } });
    expect((await ask()).body).toEqual({ acks: { 0: false, 1: false, 7: false } });
  });

  it('says false before the data is indexed and after its channel was lost', async () => {
    const slow = await hecSandbox({ ackDelayMs: 60_000 });
    await post(slow, one(0), acked);
    expect((await post(slow, '{"acks":[0]}', { ...acked, path: '/ack' })).body.acks).toEqual({ 0: false });
    const lost = await hecSandbox();
    await post(lost, one(0), acked);
    await fetch(`${lost.url}/_sandbox/channels/forget`, { method: 'POST' });
    expect((await post(lost, '{"acks":[0]}', { ...acked, path: '/ack' })).body.acks).toEqual({ 0: false });
  });

  it('asks for a channel, and says when acknowledgement is off', async () => {
    const sandbox = await hecSandbox();
    expect((await post(sandbox, one(0), { token: 'Splunk acked' })).body.code).toBe(10);
    const bad = { token: 'Splunk acked', headers: { 'x-splunk-request-channel': 'mine' } };
    expect((await post(sandbox, one(0), bad)).body.code).toBe(11);
    expect((await post(sandbox, '{"acks":[0]}', { path: '/ack' })).body.code).toBe(14);
  });
});

describe('health', () => {
  it('is code 17 without a token, and tells a wrong one', async () => {
    const sandbox = await hecSandbox();
    const health = `${sandbox.url}/services/collector/health`;
    expect(await (await fetch(health)).json()).toMatchObject({ code: 17 });
    const wrong = await fetch(health, { headers: { authorization: 'Splunk nobody' } });
    expect(await wrong.json()).toMatchObject({ code: 21 });
  });
});
