import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../src/redact/redactor.ts';

const redactor = createRedactor({ keys: [], pseudonymise: [] });

describe('text redaction', () => {
  it.each([
    [
      'a signed token',
      'got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl, ok',
      'got [redacted:jwt], ok',
    ],
    ['a token cut short', 'x eyJhbGciOiJIUzI1NiIsInR5cCI6', 'x [redacted:jwt]'],
    ['an AWS access key id', 'by AKIAIOSFODNN7EXAMPLE.', 'by [redacted:aws_key].'],
    [
      'an AWS secret key after a word for it',
      'aws key is wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
      'aws key is [redacted:aws_key]',
    ],
    ['a card number', 'card 4111 1111 1111 1111 declined', 'card [redacted:pan] declined'],
    ['an American Express number', '3782-822463-10005', '[redacted:pan]'],
    ['an IBAN in groups', 'to GB29 NWBK 6016 1331 9268 19!', 'to [redacted:iban]!'],
    ['an IBAN in small letters', 'iban de89370400440532013000', 'iban [redacted:iban]'],
    ['an e-mail address', 'user ada@example.com not found', 'user [redacted:email] not found'],
    ['an encoded e-mail address', 'user ada%40example.com not found', 'user [redacted:email] not found'],
    ['a doubly encoded e-mail address', 'user ada%2540example.com', 'user [redacted:email]'],
    ['an e-mail address in JSON escapes', '{"u":"ada\\u0040example.com"}', '{"u":"[redacted:email]"}'],
    ['a bearer token', 'sent Bearer abc123.def-456', 'sent Bearer [redacted:authorization]'],
    [
      'an Authorization header',
      'Authorization: Basic dXNlcjpwYXNz next',
      'Authorization: [redacted:secret] next',
    ],
    [
      'a signature header, to its end',
      '"Authorization":"AWS4-HMAC-SHA256 Credential=x/y, Signature=z","a":1',
      '"Authorization":"[redacted:secret]","a":1',
    ],
    ['cookies, all of them', 'Cookie: a=1; b=2\nnext', 'Cookie: [redacted:secret]\\u000anext'],
    [
      'a quoted value with spaces and quotes',
      '{"password":"a \\" b c","d":1}',
      '{"password":"[redacted:secret]","d":1}',
    ],
    [
      'JSON inside JSON',
      '"{\\"api_key\\":\\"k 1\\",\\"b\\":2}"',
      '"{\\"api_key\\":\\"[redacted:secret]\\",\\"b\\":2}"',
    ],
    ['a list of header values', '{"cookie":["a]","b"],"c":1}', '{"cookie":[redacted:secret],"c":1}'],
    [
      'a value between bars',
      'authorization=Bearer abc|cookie=s=1|x=1',
      'authorization=[redacted:secret]|cookie=[redacted:secret]|x=1',
    ],
    ['a query parameter', '/cb?code=1&access_token=abc&x=2', '/cb?code=1&access_token=[redacted:secret]&x=2'],
    ['an encoded name', 'pass%77ord=hunter2', 'pass%77ord=[redacted:secret]'],
    [
      'credentials in an address',
      'https://bob:pw@example.com/x',
      'https://[redacted:url_credentials]@example.com/x',
    ],
    ['a value behind a marker', 'token=[redacted:jwt]rest', 'token=[redacted:secret]'],
    ['an issued token', 'ghp_abcdefghijklmnopqrstuvwxyz0123456789', '[redacted:token]'],
    [
      'a private key',
      '-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- x',
      '[redacted:private_key] x',
    ],
  ])('hides %s', (_, value, expected) => {
    expect(redactor.text(value)).toBe(expected);
  });

  it.each([
    ['a UUID', '41111111-1111-4111-8111-111111111111'],
    ['an extended request id', 'JKJaXmPLvHcESHA='],
    ['an extended request id that begins like a token', 'eyJaXmPLvHcESHA='],
    ['a trace id', 'Root=1-67891233-abcdef012345678912345678;Parent=4111111111111111;Sampled=1'],
    ['a trace context', '00-4bf92f3577b34da6a3ce929d0e0e4736-4111111111111111-01'],
    ['a hexadecimal id', 'a4111111111111111'],
    ['an epoch time in milliseconds', '{"at":1793700000009}'],
    ['a log event id', '37594813200000000000000000000000000000000000000000000000'],
    ['numbers of an access line', '4111 11 11 1111 1111 1111'],
    ['a fraction', 'took 0.4111111111111111 s'],
    ['sixteen digits without a right check digit', '4111111111111112'],
    ['digits of no issuer', '1234567890123452'],
    ['a package version', 'lodash@4.17.21'],
    ['names that only speak about a secret', 'token_type=Bearer&apiKeyId=k9 nextToken=abc'],
    ['a word where a secret could be', 'token: missing; password=null'],
    ['an authorizer error', 'authorizer: The caller is not authorized'],
    ['prose with Basic and Bearer', 'Basic authentication or Bearer authentication'],
    [
      'a user agent',
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0',
    ],
    ['an ARN', 'arn:aws:execute-api:eu-west-1:111122223333:abc/prod/GET/orders'],
    ['a pseudonym', 'psn_k1_abcdefghijklmnopqrstuv'],
    ['letters beyond ASCII', 'Zażółć 🎉 日本'],
  ])('leaves %s alone', (_, value) => {
    expect(redactor.text(value)).toBe(value);
  });

  it('shows control characters instead of writing them, and replaces NUL and lone surrogates', () => {
    expect(redactor.text('a\r\n\u001b[31mb\u0000c\ud800d\udc00\u202e')).toBe(
      'a\\u000d\\u000a\\u001b[31mb\ufffdc\ufffdd\ufffd\\u202e',
    );
  });

  it('cuts a long user agent between characters and says what it was', () => {
    const out = redactor.userAgent('🎉'.repeat(2_000));
    expect(out).toMatch(/^(?:🎉)+…\[truncated len=4000 sha256=[0-9a-f]{64}\]$/u);
    expect(out.length).toBeLessThanOrEqual(1_024);
  });

  it('refuses a cap shorter than its own marker', () => {
    expect(() => createRedactor({ keys: [], pseudonymise: [], maxTextLength: 10 })).toThrow(/at least 160/);
  });

  it('explains each replacement with its place in the original', () => {
    expect(redactor.explain('x\u001b ada%40example.com')).toEqual([
      { rule: 'control', start: 1, end: 2, replacement: '\\u001b' },
      { rule: 'email', start: 3, end: 20, replacement: '[redacted:email]' },
    ]);
  });
});

describe('path redaction', () => {
  it.each([
    ['/orders/42', '/orders/42'],
    ['/orders?status=open&page=2', '/orders?status=*&page=*'],
    ['/orders?ada%40example.com', '/orders?[redacted:email]'],
    ['/users/ada@example.com/orders', '/users/[redacted:email]/orders'],
    ['/cards/4111111111111111', '/cards/[redacted:pan]'],
    ['/reset/Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3A', '/reset/[redacted:opaque]'],
    [
      '/orders/0f8c1c3e-3d1b-4a6e-9f53-0d8b1a2c3d4e/items',
      '/orders/0f8c1c3e-3d1b-4a6e-9f53-0d8b1a2c3d4e/items',
    ],
    ['/page#access_token=abc', '/page#*'],
    ['/a;jsessionid=abc123/b', '/a;jsessionid=[redacted:secret]'],
  ])('turns %s into %s', (path, expected) => {
    expect(redactor.path(path)).toBe(expected);
  });
});

describe('time taken', () => {
  const hostile: readonly [string, (size: number) => string][] = [
    ['beginnings of tokens', (size) => 'eyJ'.repeat(size / 3)],
    ['beginnings of AWS keys', (size) => 'AKIA'.repeat(size / 4)],
    ['beginnings of issued tokens', (size) => 'glpat-DE89'.repeat(size / 10)],
    ['tokens of many parts', (size) => 'eyJaaaaaaaaaaa.'.repeat(size / 15)],
    ['at signs', (size) => 'a@'.repeat(size / 2)],
    ['one long name before one at sign', (size) => `${'a.'.repeat(size / 2)}@`],
    ['dots behind an at sign', (size) => `a@b${'.'.repeat(size)}`],
    ['digits', (size) => '4'.repeat(size)],
    ['grouped digits', (size) => '4111 '.repeat(size / 5)],
    ['names', (size) => 'password'.repeat(size / 8)],
    ['names with separators', (size) => 'token:'.repeat(size / 6)],
    ['open quotes', (size) => 'token="'.repeat(size / 7)],
    ['backslashes', (size) => `token="${'\\'.repeat(size)}`],
    ['open brackets', (size) => 'token:['.repeat(size / 7)],
    ['escaped percent signs', (size) => '%2525'.repeat(size / 5)],
    ['control characters', (size) => '\u001b\ud800'.repeat(size / 2)],
    ['schemes', (size) => 'Bearer '.repeat(size / 7)],
    ['addresses', (size) => 'a://'.repeat(size / 4)],
    ['beginnings of keys', (size) => '-----BEGIN'.repeat(size / 10)],
    ['beginnings of account numbers', (size) => 'DE89 '.repeat(size / 5)],
    ['white space', (size) => `token${' '.repeat(size)}=x`],
    ['punctuation', (size) => `token=${',a'.repeat(size / 2)}`],
  ];

  it.each(hostile)('grows with the length only, for %s', (_, make) => {
    const small = make(10_000);
    const large = make(160_000);
    redactor.text(small);
    // Time of the processor, not of the wall: what else runs on the machine does not count.
    const timeOf = (text: string) => {
      const begun = process.cpuUsage();
      redactor.text(text);
      redactor.path(text);
      return process.cpuUsage(begun).user / 1_000;
    };
    const best = (text: string) => Math.min(timeOf(text), timeOf(text), timeOf(text));
    // Sixteen times the text: sixteen times the time when linear, 256 times when quadratic. Caches and collections vary it.
    expect(best(large)).toBeLessThan(Math.max(150, best(small) * 96));
  });
});
