import { describe, expect, it } from 'vitest';
import type { HttpAnswer } from '../../../src/http/http-transport.ts';
import { type HecClass, readHecAnswer } from '../../../src/sinks/splunk/hec-answer.ts';

function answer(status: number, body: string): HttpAnswer {
  return { kind: 'answer', status, headers: {}, body: Buffer.from(body), truncated: false };
}

const hec = (status: number, code: number, more: object = {}) =>
  answer(status, JSON.stringify({ text: 'text', code, ...more }));

describe('each code of the collector', () => {
  it.each<[code: number, status: number, HecClass]>([
    [0, 200, 'success'],
    [1, 403, 'hold'],
    [2, 401, 'hold'],
    [3, 401, 'hold'],
    [4, 403, 'hold'],
    [5, 400, 'retry'],
    [6, 400, 'event'],
    [7, 400, 'hold'],
    [8, 500, 'retry'],
    [9, 503, 'retry'],
    [10, 400, 'hold'],
    [11, 400, 'hold'],
    [12, 400, 'event'],
    [13, 400, 'event'],
    [14, 400, 'ack_off'],
    [15, 400, 'event'],
    [16, 400, 'hold'],
    [17, 200, 'retry'],
    [18, 503, 'retry'],
    [19, 503, 'retry'],
    [20, 503, 'retry'],
    [21, 400, 'hold'],
    [22, 400, 'hold'],
    [23, 503, 'retry'],
    [24, 200, 'busy_success'],
    [25, 200, 'busy_success'],
    [26, 429, 'retry'],
    [27, 429, 'retry'],
    [28, 400, 'hold'],
  ])('%i with status %i is %s', (code, status, expected) => {
    const read = readHecAnswer(hec(status, code));
    expect(read).toMatchObject({ class: expected });
    expect(read.reason).toContain(String(status));
  });
});

describe('answers that are not the collector’s', () => {
  it.each<[status: number, HecClass]>([
    [301, 'hold'],
    [302, 'hold'],
    [307, 'hold'],
    [400, 'event'],
    [401, 'hold'],
    [403, 'hold'],
    [404, 'hold'],
    [405, 'hold'],
    [407, 'hold'],
    [408, 'retry'],
    [413, 'oversize'],
    [415, 'hold'],
    [418, 'retry'],
    [429, 'retry'],
    [500, 'retry'],
    [502, 'retry'],
    [503, 'retry'],
    [504, 'retry'],
    [599, 'retry'],
    [200, 'retry'],
    [204, 'retry'],
  ])('a page with status %i is %s', (status, expected) => {
    expect(readHecAnswer(answer(status, '<html>page</html>'))).toMatchObject({
      class: expected,
      fromSplunk: false,
    });
  });

  it.each<[why: string, HttpAnswer, HecClass]>([
    ['a success code with a failing status', hec(503, 0), 'retry'],
    ['a failing code with a success status', hec(200, 9), 'retry'],
    ['a code nobody knows, with status 200', hec(200, 99), 'retry'],
    ['a code nobody knows, with status 500', hec(500, 99), 'retry'],
    ['a code that is text', answer(200, '{"code":"0"}'), 'retry'],
    ['a list', answer(200, '[0]'), 'retry'],
    ['nothing', answer(200, ''), 'retry'],
    ['cut JSON', answer(200, '{"text":"Success","co'), 'retry'],
  ])('%s is never taken as delivered', (_why, given, expected) => {
    expect(readHecAnswer(given).class).toBe(expected);
  });
});

describe('what an answer carries', () => {
  it('names the bad event and the acknowledgement id', () => {
    expect(readHecAnswer(hec(400, 6, { 'invalid-event-number': 3 })).eventNumber).toBe(3);
    expect(readHecAnswer(hec(200, 0, { ackId: 0 })).ackId).toBe(0);
  });

  it.each([-1, 1.5, '3', null])('ignores %j as a number of an event', (n) => {
    expect(readHecAnswer(hec(400, 6, { 'invalid-event-number': n })).eventNumber).toBeUndefined();
  });
});
