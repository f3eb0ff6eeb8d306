import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../src/model/journal.ts';
import type { LogEvent } from '../../src/model/source-event.ts';
import { createAuthorizerLogReader } from '../../src/sources/authorizer-logs/authorizer-log-reader.ts';
import { AUTO_FORM } from '../../src/sources/authorizer-logs/settings.ts';
import { UNIT } from '../pipeline/reading-rig.ts';
import { GROUP } from '../sources/log-fixtures.ts';
import { accessReader, clearRedactor, csvRows, LineRig } from './line-rig.ts';

let rig: LineRig;
beforeEach(async () => {
  rig = await LineRig.start();
});
afterEach(() => rig.dispose());

const FORMAT =
  '{"id":"$context.extendedRequestId","path":"$context.path","status":"$context.status","ua":"$context.identity.userAgent","c":$context.authorizer.customerId}';
const line = (id: string, more: { path?: string; ua?: string; customer?: string } = {}) =>
  `{"id":"${id}","path":"${more.path ?? '/orders'}","status":"200","ua":"${more.ua ?? 'curl/8'}","c":${more.customer ?? '"C-1"'}}`;

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

function unparsed(records: readonly JournalRecord[]) {
  return records.flatMap((record) => (record.kind === 'unparsed' ? [record] : []));
}

describe('a line that makes its parser throw', () => {
  const poison = line('ext-5000', { path: '/poison', ua: 'token=hunter2hunter2' });
  const faulty = (fails: (value: string) => boolean) => ({
    ...clearRedactor,
    path: (value: string) => {
      if (value === '/poison') throw new RangeError('Invalid array length: /poison');
      return clearRedactor.path(value);
    },
    text: (value: string) => {
      if (fails(value)) throw new TypeError(`cannot read ${value}`);
      return clearRedactor.text(value);
    },
  });
  const messages = Array.from({ length: 10_000 }, (_, n) => (n === 5_000 ? poison : line(`ext-${n}`)));

  it('FT-26 one in 10,000: that one is kept with its reason, redacted, with SHA-256 and place; the others go on', async () => {
    const entries = await rig.read(
      accessReader(
        FORMAT,
        faulty(() => false),
      ),
      messages,
    );
    expect(entries).toHaveLength(10_000);
    const [kept, ...more] = unparsed(entries.map(({ record }) => record));
    expect(more).toEqual([]);
    expect(kept).toMatchObject({
      problem: 'fault while reading the line: RangeError',
      rawSha256: sha256(poison),
      rawLength: poison.length,
      parts: [{ logStream: 'stream-1', eventId: rig.event('', 5_000).eventId }],
    });
    expect(kept?.raw).toContain('"path":"/poison"');
    expect(kept?.raw).not.toContain('hunter2');
    const [ledger] = await rig.reading.ledger();
    expect(ledger).toMatchObject({ read: 10_000, seen: 10_000, stored: 10_000, filtered: 0, unparsed: 1 });
    expect(rig.reading.ingest.checkpointOf(UNIT)?.readThroughMs).toBeGreaterThan(
      rig.event('', 9_999).timestampMs,
    );
  });

  it('FT-26 goes to both sinks flagged, so that somebody sees it', async () => {
    const entries = await rig.read(
      accessReader(
        FORMAT,
        faulty(() => false),
      ),
      messages.slice(4_990, 5_010),
    );
    const at = await rig.deliver(entries);
    for (const events of [at.splunk, at.dynatrace]) {
      const flagged = [...events.values()].filter((event) => event.unparsed === true);
      expect(flagged).toHaveLength(1);
      expect(JSON.stringify(flagged)).not.toContain('hunter2');
    }
  });

  it('FT-26 whose text cannot even be redacted is kept without it', async () => {
    const reader = accessReader(
      FORMAT,
      faulty((value) => value.includes('hunter2')),
    );
    const [kept] = unparsed(
      (await rig.read(reader, [line('a'), poison, line('b')])).map(({ record }) => record),
    );
    expect(kept).toMatchObject({ raw: '', rawSha256: sha256(poison), rawLength: poison.length });
  });

  it('FT-26 is not tried over and over: read again, it is a repeat like any other', async () => {
    const reader = accessReader(
      FORMAT,
      faulty(() => false),
    );
    for (let time = 0; time < 4; time += 1) await rig.read(reader, [line('a'), poison]);
    expect(await rig.reading.journal.readStream('records', 0, 100)).toHaveLength(2);
  });
});

describe('JSON that is broken or means harm', () => {
  it.each<[string, string]>([
    ['cut off', line('a').slice(0, -7)],
    ['with bytes behind it', `${line('a')}trailing`],
    ['with NaN where a value belongs', line('a', { customer: 'NaN' }).replace('"200"', 'NaN')],
    ['of another form', '[1,2,{"a":'],
    ['with a lone quote', line('a', { ua: 'x"y' })],
    ['empty', ''],
    ['1 KB of a log that was cut at 1,024 bytes', `(abc) Endpoint request body: {"a":"${'x'.repeat(990)}`],
  ])('FT-28 %s: one event gives one row, read or kept verbatim', async (_, message) => {
    const entries = await rig.read(accessReader(FORMAT), [line('before'), message, line('after')]);
    expect(entries).toHaveLength(3);
    const kept = unparsed(entries.map(({ record }) => record));
    for (const record of kept) {
      expect(record.raw).toBe(message);
      expect(record.rawSha256).toBe(sha256(message));
    }
    await rig.deliver(entries);
  });

  it('FT-28 a key that stands twice does not let the second replace the first', async () => {
    const twice = line('true-id')
      .replace('{"id"', '{"id":"true-id","status":"200","id"')
      .replace('"c":', '"c":"C-forged","c":');
    const [entry] = await rig.read(accessReader(FORMAT), [twice]);
    expect(entry?.record).toMatchObject({ kind: 'unparsed', raw: twice });
  });

  it('FT-28 integers beyond 2^53 come out digit by digit: journal, both sinks, CSV', async () => {
    const big = '12345678901234567890';
    const reader = accessReader(
      '{"id":"$context.extendedRequestId","c":$context.authorizer.customerId,"o":$context.authorizer.principalId,"n":$context.responseLength}',
    );
    const entries = await rig.read(reader, [
      `{"id":"a","c":${big},"o":{"id":${big},"list":[-9007199254740993]},"n":9007199254740993}`,
    ]);
    const [entry] = entries;
    const nested = reader([rig.event(`{"id":"b","c":"C","o":{"id":${big}},"n":1}`, 7)]);
    expect(nested).toMatchObject([{ role: 'access', principal: `{"id":${big}}` }]);
    expect(entry?.record).toMatchObject({ kind: 'request', customer: big });
    expect(entry?.record).toMatchObject({ principal: `{"id":${big},"list":[-9007199254740993]}` });
    expect(entry?.record).toMatchObject({ other: { responseLength: '9007199254740993' } });
    const at = await rig.deliver(entries);
    for (const taken of [at.splunk, at.dynatrace]) {
      const text = JSON.stringify([...taken.values()]);
      expect(text.split(big).length - 1).toBeGreaterThanOrEqual(2);
      expect(text).toContain('9007199254740993');
      expect(text).not.toContain('12345678901234567000');
      expect(text).not.toContain('12345678901234567168');
    }
    expect(csvRows(entries)[0]?.get('customer')).toBe(big);
    expect([...(csvRows(entries)[0]?.values() ?? [])].join()).toContain('9007199254740993');
  });

  it('FT-28 two customers whose numbers differ beyond 2^53 stay two, also in an authorizer’s JSON', () => {
    const reader = createAuthorizerLogReader({
      group: GROUP,
      unit: 'logs:1:e:g',
      form: AUTO_FORM,
      redactor: clearRedactor,
      customerOf: new Map(),
    });
    const id = '6c1b4f6e-0d6a-4f0c-9a53-7f1d1e1a2b3c';
    const said = (customer: string) =>
      `2026-11-22T10:00:00.000Z\t${id}\tINFO\t{"decision":"Allow","note":"no 99999999999999999999 here","orgCustomerId":${customer}}`;
    const customers = reader([
      rig.event(said('12345678901234567890'), 1),
      rig.event(said('12345678901234567891'), 2),
      rig.event(said('42'), 3),
    ]).map((part) => (part.role === 'authorizer' ? part.customer : part.role));
    expect(customers).toEqual(['12345678901234567890', '12345678901234567891', '42']);
  });

  it('FT-28 100,000 levels of nesting overflow nothing, neither in access nor in authorizer lines', async () => {
    const deep = `${'[{"a":'.repeat(50_000)}1${'}]'.repeat(50_000)}`;
    const entries = await rig.read(accessReader(FORMAT), [line('a', { customer: deep }), line('b')]);
    expect(entries).toHaveLength(2);
    expect(entries.map(({ body }) => body).join()).not.toContain('fault while reading');
    await rig.deliver(entries);
    const reader = createAuthorizerLogReader({
      group: GROUP,
      unit: 'logs:1:e:g',
      form: AUTO_FORM,
      redactor: clearRedactor,
      customerOf: new Map(),
    });
    const long = '12345678901234567890';
    const lines: readonly LogEvent[] = [`{"a":${deep}}`, `{"n":${long},"a":${deep}}`, deep].map((text, n) =>
      rig.event(text, n),
    );
    expect(reader(lines).map(({ source }) => source.eventId)).toEqual(lines.map(({ eventId }) => eventId));
  });

  it('FT-28 `__proto__` and its like are data: no object of ours gains a member', async () => {
    const reader = createAuthorizerLogReader({
      group: GROUP,
      unit: 'logs:1:e:g',
      form: { ...AUTO_FORM, fields: { decision: { path: ['constructor.name'] } }, allow: ['Object'] },
      redactor: clearRedactor,
      customerOf: new Map(),
    });
    const id = '6c1b4f6e-0d6a-4f0c-9a53-7f1d1e1a2b3c';
    const objects = ['{"__proto__":{"isAdmin":true},"constructor":{"prototype":{}}}', '{"a":1}'];
    const parts = reader(
      objects.map((object, n) => rig.event(`2026-11-22T10:00:00.000Z\t${id}\tINFO\t${object}`, n)),
    );
    for (const part of parts) {
      expect(part).toMatchObject({ role: 'authorizer', lambdaRequestId: id });
      expect(part).not.toHaveProperty('decision');
    }
    const entries = await rig.read(accessReader(FORMAT), [
      line('a', { customer: '{"__proto__":{"isAdmin":true}}' }),
    ]);
    await rig.deliver(entries);
    expect(entries[0]?.body).toContain('__proto__');
    expect(Object.hasOwn(Object.prototype, 'isAdmin')).toBe(false);
    expect(Reflect.get({}, 'isAdmin')).toBeUndefined();
  });
});

describe('text that is no proper text', () => {
  const hostile: readonly [string, string][] = [
    ['lone surrogates', 'a\ud800b\udc00c'],
    ['NUL', 'a\u0000b'],
    ['a changed reading direction', 'user\u202egnp.exe\u2066x\u2069'],
    ['four-byte characters', '𝒳🎉𠮷'],
    [
      'invalid UTF-8, as CloudWatch hands it over',
      Buffer.from([0x61, 0xff, 0xfe, 0xc3, 0x28]).toString('utf8'),
    ],
    ['a byte order mark and zero width', '\ufeffa\u200bb\u2060c'],
  ];

  it.each(hostile)('FT-29 %s: stored and sent well-formed, under one stable hash', async (_, text) => {
    const messages = [line('a', { ua: text }), `unreadable ${text}`];
    const entries = await rig.read(accessReader(FORMAT), messages);
    expect(entries).toHaveLength(2);
    // What is read back from disk is what was written: the body, and so its hash, changes nowhere on the way.
    const again = await rig.reading.journal.readStream('records', 0, 10);
    expect(again.map(({ body }) => sha256(body))).toEqual(entries.map(({ body }) => sha256(body)));
    for (const { body, record } of entries) {
      expect(body.isWellFormed()).toBe(true);
      expect(Buffer.from(body).toString('utf8')).toBe(body);
      expect(JSON.parse(body)).toEqual(record);
    }
    const at = await rig.deliver(entries);
    const request = entries.find(({ record }) => record.kind === 'request');
    const broken = entries.find(({ record }) => record.kind === 'unparsed');
    expect(request?.record).toMatchObject({ userAgent: clearRedactor.userAgent(text) });
    expect(at.splunk.get(request?.eventId)?.http_user_agent).toBe(clearRedactor.userAgent(text));
    expect(at.dynatrace.get(request?.eventId)?.['user_agent.original']).toBe(clearRedactor.userAgent(text));
    expect(at.dynatrace.get(broken?.eventId)?.body).toBe(clearRedactor.text(`unreadable ${text}`));
  });

  it('FT-29 the same content has the same id and hash whenever it is read, whatever it holds', () => {
    const reader = accessReader(FORMAT);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const events = [rig.event(`{"x":"${text}"}`, 1), rig.event(text, 2)];
        expect(reader(events)).toEqual(reader(events));
        for (const part of reader(events)) {
          const body = JSON.stringify(part);
          expect(Buffer.from(body).toString('utf8')).toBe(body);
        }
      }),
      { numRuns: 200, seed: 29 },
    );
  });
});
