import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { csvCell } from '../../src/audit/csv.ts';
import { showRecord } from '../../src/audit/story.ts';
import { storyText } from '../../src/audit/story-text.ts';
import { toTable } from '../../src/audit/table.ts';
import { tableOf } from '../../src/cli/backfill-text.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMemoryReader } from '../audit/memory-reader.ts';
import { html, json } from '../http/local-server.ts';
import { errorEnvelope, partialSuccess, startFakeOtlp } from '../sinks/dynatrace/fake-otlp.ts';
import { requestEntries } from '../sinks/entries.ts';
import { startFakeHec } from '../sinks/splunk/fake-hec.ts';
import { until } from '../support/fake-clock.ts';
import { accessReader, csvRows, LineRig } from './line-rig.ts';
import { SinkRig } from './sink-rig.ts';

const FORMAT =
  '{"id":"$context.extendedRequestId","path":"$context.path","status":"$context.status","ua":"$context.identity.userAgent","e":"$context.error.message"}';

/** As API Gateway renders it when it escapes what a client sent; `quoted` = when it does not. */
const rendered = (ua: string, n: number, quoted = JSON.stringify(ua).slice(1, -1)) =>
  `{"id":"ext-${n}","path":"/orders/${n}","status":"200","ua":"${quoted}","e":"-"}`;

const ESC = '\u001b';
const attacks: readonly (readonly [string, string])[] = [
  ['a second log line', 'curl\r\n{"level":"info","message":"all is well"}'],
  ['terminal escapes', `curl${ESC}[2J${ESC}]0;owned\u0007${ESC}[31m\u009b31m`],
  ['forged JSON', 'x","status":"200","id":"ext-forged'],
  ['a breakout from the HEC event', '"},"fields":{"event_id":"forged"}}\n{"time":1,"event":{"a":"b'],
  ['a breakout with braces alone', '}}}}{"event":"x"}'],
  ['a line separator', 'curl\u2028{"event":"x"}\u2029'],
  ['a formula', '=HYPERLINK("http://evil.example","x")'],
  ['a formula behind a tab', '\t=1+1'],
  ['quotes and commas', '","=cmd|\'/C calc\'!A0","'],
];

/** Everything that starts a line, moves a cursor or turns text around. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

describe('what a client writes into its request', () => {
  let rig: LineRig;
  beforeEach(async () => {
    rig = await LineRig.start();
  });
  afterEach(() => rig.dispose());

  it.each(attacks)('FT-30 %s: one event in, one event out, everywhere', async (_, text) => {
    const reader = accessReader(FORMAT);
    const messages = [
      rendered('before', 1),
      rendered(text, 2),
      rendered(text, 3, text),
      rendered('after', 4),
    ];
    const entries = await rig.read(reader, messages);
    expect(entries).toHaveLength(4);
    for (const { body } of entries) expect(body).not.toMatch(UNSAFE);
    const { splunk, dynatrace } = await rig.deliver(entries);
    const ids = new Set(entries.map(({ eventId }) => eventId));
    expect(new Set(splunk.keys())).toEqual(ids);
    expect(new Set(dynatrace.keys())).toEqual(ids);
    expect([...splunk.values()].map((event) => event.extended_request_id)).not.toContain('ext-forged');
    const rows = csvRows(entries);
    expect(rows).toHaveLength(4);
    for (const row of rows) {
      for (const cell of row.values()) expect(cell).not.toMatch(/^[=+@\t\r]/);
    }
    const table = toTable(entries, 80);
    expect(table.split('\n').length - toTable([], 80).split('\n').length).toBe(2 * 4);
    expect(table.replaceAll('\n', '')).not.toMatch(UNSAFE);
    const reader2 = createMemoryReader(entries.map(({ record }) => record));
    for (const { recordId } of entries) {
      const story = await showRecord(reader2, recordId);
      expect(story && storyText(story).replaceAll('\n', '')).not.toMatch(UNSAFE);
    }
  });

  it('FT-30 any text at all: as many events arrive as were read, and none of them under a forged id', async () => {
    const pieces = fc.constantFrom(
      '"',
      '\\',
      '}',
      '{',
      '\n',
      '\r',
      ESC,
      '","id":"ext-forged',
      '"},"fields":{',
      ',',
      '=',
      '\u2028',
    );
    const texts = fc.sample(
      fc
        .array(fc.oneof(pieces, fc.string({ unit: 'binary', maxLength: 6 })), { maxLength: 12 })
        .map((all) => all.join('')),
      { numRuns: 400, seed: 30 },
    );
    const entries = await rig.read(
      accessReader(FORMAT),
      texts.map((text, n) => rendered(text, n, n % 2 === 0 ? undefined : text)),
    );
    expect(entries).toHaveLength(400);
    const { splunk, dynatrace } = await rig.deliver(entries);
    expect(splunk.size).toBe(400);
    expect(dynatrace.size).toBe(400);
    const known = new Set(texts.map((_, n) => `ext-${n}`));
    for (const { extended_request_id: id } of splunk.values()) {
      if (id !== undefined) expect(known).toContain(id);
    }
    expect(csvRows(entries)).toHaveLength(400);
  });
});

it('FT-30 no cell of CSV begins as a formula does, whatever the text', () => {
  fc.assert(
    fc.property(
      fc.tuple(fc.constantFrom(...'=+-@\t\r\n\0＝＋－＠', ''), fc.string({ unit: 'binary' })),
      ([first, rest]) => {
        const cell = csvCell(first + rest);
        expect(cell.replace(/^"/, '')).not.toMatch(/^[=+\-@\t\r\n\0＝＋－＠]/);
      },
    ),
    { numRuns: 1_000, seed: 30 },
  );
});

describe('our own log', () => {
  function logged(format: 'json' | 'text', ua: string): readonly string[] {
    const lines: string[] = [];
    const logger = createLogger({
      level: 'debug',
      destination: { write: (line) => void lines.push(line) },
      format,
      clock: { now: () => 0 },
      version: 'test',
      instanceId: 'test',
    });
    logger.warn({ reason: ua, error: new Error(ua), [ua]: ua }, `said ${ua}`);
    return lines;
  }

  it.each(attacks)('FT-30 stays one line each of JSON or text with %s in it', (_, text) => {
    const [line = '', ...more] = logged('json', text);
    expect(more).toEqual([]);
    expect(line.slice(0, -1)).not.toMatch(UNSAFE);
    expect(JSON.parse(line)).toMatchObject({ level: 'warn', reason: text, message: `said ${text}` });
    const [words = '', ...others] = logged('text', text);
    expect(others).toEqual([]);
    expect(words.slice(0, -1)).not.toMatch(UNSAFE);
  });
});

describe('what a destination says', () => {
  let rig: SinkRig;
  beforeEach(async () => {
    rig = await SinkRig.start();
  });
  afterEach(() => rig.dispose());

  const said = `no\r\n${ESC}[2Jtoken=dt0c01.ABCDEFGHIJKLMNOPQRSTUVWX.${'A'.repeat(64)} \u009b31m`;

  it('FT-30 neither paints the terminal nor echoes a token: dead letter, held lane, partial success', async () => {
    const otlp = await startFakeOtlp();
    otlp.refuse = () => errorEnvelope(400, said);
    await rig.requests(1);
    const drain = await rig.run(rig.dynatrace(otlp.server.url));
    await until(() => drain.status.cursor === 1, 'the record is given up');
    otlp.refuse = () => errorEnvelope(403, said);
    await rig.commit(
      requestEntries(2)
        .slice(1)
        .map(({ record }) => record),
    );
    await until(() => drain.status.held !== undefined, 'the lane is held');
    const held = drain.status.held;
    otlp.refuse = () => partialSuccess(0.5 + 0.5, said);
    await rig.commit(
      requestEntries(4)
        .slice(2)
        .map(({ record }) => record),
    );
    await until(
      () => rig.logger.lines.some(({ fields }) => fields.count === 1),
      'partial success was counted',
    );
    const [letter] = await rig.journal.deadLetters();
    const words = [letter?.reason, held, JSON.stringify(rig.logger.lines)];
    for (const text of words) {
      expect(text).not.toMatch(UNSAFE);
      expect(text).not.toContain('dt0c01.ABCDEF');
    }
    expect(letter?.reason).toContain('no');
    expect(tableOf([['reason'], [letter?.reason ?? '']])).toHaveLength(2);
    await otlp.close();
  });

  it('FT-30 a page of HTML is never quoted', async () => {
    const hec = await startFakeHec();
    hec.intercept = () => ({ ...html(403), body: `<html>${said}</html>` });
    const held = await rig.splunk(hec.server.url).send(requestEntries(3), new AbortController().signal);
    expect(held.held?.reason).toMatch(/^HTTP 403: [ -~]+$/);
    hec.intercept = () => json(400, { text: said, code: 12, 'invalid-event-number': 0 });
    const rejected = await rig.splunk(hec.server.url).send(requestEntries(1), new AbortController().signal);
    expect(rejected.rejected[0]?.reason).toMatch(/^HTTP 400, code 12: [ -~]+$/);
    await hec.close();
  });
});

it('FT-30 a table of the command line keeps its rows, whatever stands in a cell', () => {
  for (const [, text] of attacks) {
    const rows = tableOf([
      ['lane', 'reason'],
      ['splunk/records/live', text],
    ]);
    expect(rows).toHaveLength(2);
    for (const row of rows) expect(row).not.toMatch(UNSAFE);
  }
});
