import { describe, expect, it } from 'vitest';
import { compileAccessLogFormat } from '../../../src/sources/access-logs/compile-format.ts';

const TIME = '22/Nov/2026:10:00:00 +0000';
const ID = '5c1b4f6e-0d6a-4f0c-9a53-7f1d1e1a2b3c';
const XID = 'YvEEXF3JrPEFiEw=';
const UA = 'Mozilla/5.0 (X11; Linux x86_64) like, "Gecko"';

interface Golden {
  readonly name: string;
  readonly format: string;
  readonly line: string;
  readonly certainty: 'exact' | 'clean' | 'recovered';
  readonly values: Readonly<Record<string, string | undefined>>;
}

const GOLDEN: readonly Golden[] = [
  {
    name: 'JSON with every value quoted',
    format:
      '{"id":"$context.requestId","xid":"$context.extendedRequestId","status":"$context.status","ms":"$context.integrationLatency"}',
    line: `{"id":"${ID}","xid":"${XID}","status":"403","ms":"-"}`,
    certainty: 'exact',
    values: { requestId: ID, extendedRequestId: XID, status: '403', integrationLatency: undefined },
  },
  {
    name: 'JSON with escaped quotes in a user agent',
    format: '{"id":"$context.requestId","ua":"$context.identity.userAgent","status":$context.status}',
    line: `{"id":"${ID}","ua":${JSON.stringify(UA)},"status":200}`,
    certainty: 'exact',
    values: { requestId: ID, 'identity.userAgent': UA, status: '200' },
  },
  {
    name: 'JSON with unquoted numbers that are not set',
    format:
      '{"status":$context.status,"ms":$context.integrationLatency,"id":"$context.requestId","b":$context.responseLength}',
    line: `{"status":401,"ms":-,"id":"${ID}","b":-}`,
    certainty: 'clean',
    values: { status: '401', integrationLatency: undefined, requestId: ID, responseLength: undefined },
  },
  {
    name: 'JSON with an unescaped quote in a user agent',
    format: '{"id":"$context.requestId","ua":"$context.identity.userAgent","status":"$context.status"}',
    line: `{"id":"${ID}","ua":"a "quoted" agent","status":"200"}`,
    certainty: 'recovered',
    values: { requestId: ID, 'identity.userAgent': 'a "quoted" agent', status: '200' },
  },
  {
    name: 'nested JSON with constants, white space and text around variables',
    format:
      '{ "type": "access", "v": 2, "request": {"id": "$context.requestId", "line": "$context.httpMethod $context.path"}, "list": ["$context.status"] }',
    line: `{ "type": "access", "v": 2, "request": {"id": "${ID}", "line": "GET /prod/a b"}, "list": ["200"] }`,
    certainty: 'exact',
    values: { requestId: ID, httpMethod: 'GET', path: '/prod/a b', status: '200' },
  },
  {
    name: 'JSON of an HTTP API with native context values',
    format:
      '{"id":"$context.requestId","roles":$context.authorizer.roles,"n":$context.authorizer.n,"x":$context.authorizer.x}',
    line: `{"id":"${ID}","roles":["a","b"],"n":{"k":1},"x":true}`,
    certainty: 'exact',
    values: {
      requestId: ID,
      'authorizer.roles': '["a","b"]',
      'authorizer.n': '{"k":1}',
      'authorizer.x': 'true',
    },
  },
  {
    name: 'JSON with the quoted message string',
    format: '{"id":"$context.requestId","message":$context.error.messageString}',
    line: `{"id":"${ID}","message":"Forbidden"}`,
    certainty: 'exact',
    values: { requestId: ID, 'error.messageString': 'Forbidden' },
  },
  {
    name: 'JSON with a trailing line feed written as two characters',
    format: '{"id":"$context.requestId"}\\n',
    line: `{"id":"${ID}"}\n`,
    certainty: 'exact',
    values: { requestId: ID },
  },
  {
    name: 'CLF',
    format:
      '$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime]"$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength $context.requestId',
    line: `203.0.113.7 - - [${TIME}]"GET /orders/{id} HTTP/1.1" 200 - ${ID}`,
    certainty: 'clean',
    values: {
      'identity.sourceIp': '203.0.113.7',
      'identity.caller': undefined,
      requestTime: TIME,
      httpMethod: 'GET',
      resourcePath: '/orders/{id}',
      protocol: 'HTTP/1.1',
      status: '200',
      responseLength: undefined,
      requestId: ID,
    },
  },
  {
    name: 'CLF with a user agent that holds the text of another line',
    format:
      '$context.identity.sourceIp [$context.requestTime] "$context.path" $context.status $context.requestId "$context.identity.userAgent"',
    line: `203.0.113.7 [${TIME}] "/a" 200 ${ID} "x 500 ${ID} y"`,
    certainty: 'clean',
    values: { path: '/a', status: '200', requestId: ID, 'identity.userAgent': `x 500 ${ID} y` },
  },
  {
    name: 'CSV with the separator in a quoted value',
    format:
      '$context.requestId,$context.httpMethod,$context.authorizer.orgCustomerId,$context.status,"$context.identity.userAgent"',
    line: `${ID},GET,C-1,200,"Mozilla, like Gecko"`,
    certainty: 'clean',
    values: {
      requestId: ID,
      httpMethod: 'GET',
      'authorizer.orgCustomerId': 'C-1',
      status: '200',
      'identity.userAgent': 'Mozilla, like Gecko',
    },
  },
  {
    name: 'CSV with the separator in an unquoted value between ids',
    format: '$context.requestId,$context.identity.userAgent,$context.status,$context.extendedRequestId',
    line: `${ID},Mozilla/5.0 (a, b),200,${XID}`,
    certainty: 'clean',
    values: {
      requestId: ID,
      'identity.userAgent': 'Mozilla/5.0 (a, b)',
      status: '200',
      extendedRequestId: XID,
    },
  },
  {
    name: 'XML',
    format:
      '<request id="$context.requestId"><ua>$context.identity.userAgent</ua><status>$context.status</status><m/></request>',
    line: `<request id="${ID}"><ua>x </ua> <b></ua><status>404</status><m/></request>`,
    certainty: 'clean',
    values: { requestId: ID, 'identity.userAgent': 'x </ua> <b>', status: '404' },
  },
];

describe('a compiled access-log format', () => {
  for (const golden of GOLDEN) {
    it(`reads ${golden.name}`, () => {
      const format = compileAccessLogFormat(golden.format);
      const parsed = format.parse(golden.line);
      if (parsed.kind === 'failed') throw new Error(parsed.problem);
      expect(parsed.certainty).toBe(golden.certainty);
      for (const [name, value] of Object.entries(golden.values)) {
        expect(parsed.values[format.variables.indexOf(name)], name).toBe(value);
      }
    });
  }

  it('keeps a number beyond 2^53 digit by digit where text is wanted', () => {
    const format = compileAccessLogFormat('{"id":"$context.requestId","c":$context.authorizer.customerId}');
    expect(format.parse(`{"id":"${ID}","c":12345678901234567890}`)).toMatchObject({
      values: [ID, '12345678901234567890'],
    });
  });

  it('does not let a client replace a value by writing its member again', () => {
    const format = compileAccessLogFormat(
      '{"customer":"$context.authorizer.orgCustomerId","ua":"$context.identity.userAgent","status":"$context.status"}',
    );
    const forged = 'x","customer":"C-forged';
    expect(format.parse(`{"customer":"C-1","ua":"${forged}","status":"200"}`)).toMatchObject({
      certainty: 'recovered',
      values: ['C-1', forged, '200'],
    });
  });

  it('does not let a client add members of its own', () => {
    const format = compileAccessLogFormat('{"ua":"$context.identity.userAgent","status":"$context.status"}');
    const forged = 'x","admin":"yes';
    expect(format.parse(`{"ua":"${forged}","status":"200"}`)).toMatchObject({ values: [forged, '200'] });
  });

  it('refuses a line that can be read in two ways', () => {
    const format = compileAccessLogFormat(
      '{"path":"$context.path","ua":"$context.identity.userAgent","e":"$context.error.message"}',
    );
    const parsed = format.parse('{"path":"/a","ua":"x","ua":"y","e":"z"}');
    expect(parsed).toEqual({
      kind: 'failed',
      problem: 'the line can be read in more than one way at $context.path',
    });
  });

  it('refuses unquoted values that share a separator with the text around them', () => {
    const format = compileAccessLogFormat('$context.path,$context.identity.userAgent,$context.status');
    expect(format.parse('/a,b,c,200')).toMatchObject({ kind: 'failed' });
    expect(format.parse('/a,b,200')).toMatchObject({ values: ['/a', 'b', '200'] });
  });

  it('refuses JSON with other members, other constants or text where a number belongs', () => {
    const format = compileAccessLogFormat('{"v":1,"id":"$context.requestId","status":"$context.status"}');
    for (const line of [
      `{"v":2,"id":"${ID}","status":"200"}`,
      `{"v":1,"id":"${ID}"}`,
      `{"v":1,"id":"${ID}","status":"OK"}`,
      '[]',
      '{}',
      'null',
      '',
    ]) {
      expect(format.parse(line), line).toMatchObject({ kind: 'failed' });
    }
  });

  it('never repeats the line in a problem', () => {
    const format = compileAccessLogFormat('{"id":"$context.requestId","status":"$context.status"}');
    const parsed = format.parse('{"id":"x","status":"eyJhbGciOi-secret"}');
    expect(JSON.stringify(parsed)).not.toContain('secret');
  });

  it('reads JSON with other white space and another order of members', () => {
    const format = compileAccessLogFormat('{"id":"$context.requestId","status":"$context.status"}');
    expect(format.parse(`{ "status" : "200", "id" : "${ID}" }`)).toMatchObject({
      certainty: 'exact',
      values: [ID, '200'],
    });
  });

  it('treats __proto__ and its like as members that are not there', () => {
    const format = compileAccessLogFormat(
      '{"__proto__":"$context.requestId","constructor":"$context.status"}',
    );
    expect(format.parse(`{"__proto__":"${ID}","constructor":"200"}`)).toMatchObject({ values: [ID, '200'] });
    expect(format.parse('{"status":"200"}')).toMatchObject({ kind: 'failed' });
    expect(format.parse('{"__proto__":{"x":1},"constructor":"200"}')).toMatchObject({ kind: 'failed' });
  });

  it('drops variables without text between them and keeps the rest of the line', () => {
    const format = compileAccessLogFormat(
      '{"id":"$context.requestId","x":"$context.domainName$context.path"}',
    );
    expect(format.parse(`{"id":"${ID}","x":"a.example/b"}`)).toMatchObject({ kind: 'parsed' });
    expect(format.variables).toEqual(['requestId', 'domainName+path']);
    expect(format.template.slots[1]?.variable.target.kind).toBe('drop');
  });
});
