import { describe, expect, it } from 'vitest';
import { compileAccessLogFormat } from '../../../src/sources/access-logs/compile-format.ts';
import { createAccessLineParser } from '../../../src/sources/access-logs/dispatch-lines.ts';
import { stageOf } from '../log-fixtures.ts';

const prod = stageOf();
const test = stageOf({ stage: 'test' });
const NAMED =
  '{"id":"$context.requestId","api":"$context.apiId","stage":"$context.stage","s":"$context.status"}';
const UNNAMED = '{"id":"$context.requestId","status":"$context.status"}';
const OLD = '{"rid":"$context.requestId","code":"$context.status"}';

function parserOf(...candidates: readonly [typeof prod, string][]) {
  return createAccessLineParser({
    candidates: candidates.map(([stage, text]) => ({ stage, format: compileAccessLogFormat(text) })),
  });
}

describe('dispatching the lines of one log group', () => {
  it('finds the stage by the API and stage that the line names', () => {
    const parser = parserOf([prod, NAMED], [test, NAMED]);
    expect(parser.parse('{"id":"a","api":"ord001","stage":"test","s":"200"}', 's')).toMatchObject({
      stage: test,
    });
    expect(parser.parse('{"id":"a","api":"ord001","stage":"prod","s":"200"}', 's')).toMatchObject({
      stage: prod,
    });
  });

  it('finds the stage by the form of the line when two stages share a group', () => {
    const csv = '$context.requestId,$context.httpMethod,$context.status';
    const parser = parserOf([prod, UNNAMED], [test, csv]);
    expect(parser.parse('a,GET,200', 's')).toMatchObject({ stage: test });
    expect(parser.parse('{"id":"a","status":"200"}', 's')).toMatchObject({ stage: prod });
    expect(parser.parse('a,GET,200', 's')).toMatchObject({ stage: test });
  });

  it('reads lines of an earlier format', () => {
    const parser = parserOf([prod, UNNAMED], [prod, OLD]);
    expect(parser.parse('{"rid":"a","code":"200"}', 's')).toMatchObject({
      stage: prod,
      format: { text: OLD },
    });
  });

  it('refuses a line that two stages could have written, whatever came before it', () => {
    const parser = parserOf([prod, UNNAMED], [test, UNNAMED]);
    for (let i = 0; i < 2; i += 1) {
      expect(parser.parse('{"id":"a","status":"200"}', 's')).toEqual({
        kind: 'failed',
        problem: 'ambiguous stage: 2 stages write this format',
      });
    }
  });

  it('refuses a line that two formats of different stages read equally well', () => {
    const parser = parserOf(
      [prod, '$context.requestId $context.status'],
      [test, '$context.extendedRequestId $context.status'],
    );
    expect(parser.parse('abc 200', 's')).toMatchObject({
      kind: 'failed',
      problem: expect.stringContaining('ambiguous'),
    });
  });

  it('prefers the format that needs no quotes inside a value', () => {
    const long = '{"ua":"$context.identity.userAgent","x":$context.status,"id":"$context.requestId"}';
    const short = '{"ua":"$context.identity.userAgent","id":"$context.requestId"}';
    const parser = parserOf([prod, short], [test, long]);
    expect(parser.parse('{"ua":"a","x":-,"id":"b"}', 's')).toMatchObject({ stage: test });
  });

  it('keeps a line of a stage that the inventory does not hold, as the line names it', () => {
    const match = parserOf([prod, NAMED]).parse('{"id":"a","api":"zzz","stage":"dev","s":"200"}', 's');
    expect(match).toMatchObject({ kind: 'matched', apiId: 'zzz', stageName: 'dev' });
    expect(match).not.toHaveProperty('stage');
  });

  it('says which formats were tried when none fits', () => {
    expect(parserOf([prod, UNNAMED], [prod, OLD]).parse('what is this', 's')).toMatchObject({
      kind: 'failed',
      problem: expect.stringMatching(/^none of 2 formats fits: /),
    });
    expect(parserOf().parse('{}', 's')).toMatchObject({
      problem: 'no access-log format is known for this log group',
    });
  });
});
