import fc from 'fast-check';

/** Secrets that redaction must find wherever they stand, made valid by construction; `core` must not survive. */
export interface PlantedSecret {
  readonly text: string;
  /** The part no reader of the result may see. */
  readonly core: string;
}

const base64url = (min: number, max: number) =>
  fc.string({
    unit: fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'),
    minLength: min,
    maxLength: max,
  });
const upper = (length: number) =>
  fc.string({
    unit: fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'),
    minLength: length,
    maxLength: length,
  });
const digits = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: length, maxLength: length });

export const jwt: fc.Arbitrary<PlantedSecret> = fc
  .tuple(base64url(14, 60), base64url(20, 120), base64url(20, 86))
  .map(([head, body, signature]) => ({ text: `eyJ${head}.${body}.${signature}`, core: body }));

export const awsKey: fc.Arbitrary<PlantedSecret> = fc
  .tuple(fc.constantFrom('AKIA', 'ASIA'), upper(16))
  .map(([prefix, rest]) => ({ text: prefix + rest, core: rest }));

function withCheckDigit(body: string): string {
  for (let digit = 0; digit < 10; digit += 1) {
    const sum = [...`${body}${digit}`].toReversed().reduce((total, character, index) => {
      const value = Number(character) * (index % 2 === 1 ? 2 : 1);
      return total + (value > 9 ? value - 9 : value);
    }, 0);
    if (sum % 10 === 0) return `${body}${digit}`;
  }
  throw new Error(`no check digit makes ${body} valid`);
}

export const cardNumber: fc.Arbitrary<PlantedSecret> = fc
  .tuple(
    fc.constantFrom(
      { prefix: '4', length: 16 },
      { prefix: '52', length: 16 },
      { prefix: '2301', length: 16 },
      { prefix: '37', length: 15 },
      { prefix: '36', length: 14 },
      { prefix: '6011', length: 16 },
      { prefix: '62', length: 19 },
      { prefix: '4', length: 13 },
    ),
    digits(18),
    fc.constantFrom('', ' ', '-', '+'),
  )
  .map(([issuer, filler, separator]) => {
    const number = withCheckDigit((issuer.prefix + filler).slice(0, issuer.length - 1));
    const grouped = number.match(/.{1,4}/g)?.join(separator) ?? number;
    return { text: grouped, core: grouped };
  });

export const iban: fc.Arbitrary<PlantedSecret> = fc
  .tuple(
    fc.constantFrom(
      { country: 'DE', length: 18 },
      { country: 'GB', length: 18 },
      { country: 'FR', length: 23 },
    ),
    digits(30),
    fc.boolean(),
  )
  .map(([{ country, length }, filler, spaced]) => {
    const account = filler.slice(0, length);
    const numeric = [...`${account}${country}00`].map((character) => Number.parseInt(character, 36)).join('');
    const check = String(98 - Number(BigInt(numeric) % 97n)).padStart(2, '0');
    const whole = `${country}${check}${account}`;
    const text = spaced ? (whole.match(/.{1,4}/g)?.join(' ') ?? whole) : whole;
    return { text, core: text };
  });

export const email: fc.Arbitrary<PlantedSecret> = fc
  .tuple(
    fc.constantFrom('ada.lovelace', 'bob+tag', 'o_neill', 'x1'),
    fc.constantFrom('example.com', 'mail.example.co.uk', 'münchen.example'),
  )
  .map(([local, domain]) => ({ text: `${local}@${domain}`, core: `${local}@` }));

const password = fc
  .string({
    unit: fc.constantFrom(...'abcdefghjkmnpqrstuvwxyzABCDEFGH23456789!$*~^'),
    minLength: 9,
    maxLength: 30,
  })
  .map((value) => `Zq7${value}`);

export const named: fc.Arbitrary<PlantedSecret> = fc
  .tuple(
    fc.constantFrom(
      'password',
      'api_key',
      'X-Api-Key',
      'clientSecret',
      'access_token',
      'authorizationToken',
      'session_id',
      'Set-Cookie',
    ),
    password,
    fc.constantFrom<(name: string, value: string) => string>(
      (name, value) => `${name}=${value}`,
      (name, value) => `${name}: ${value}`,
      (name, value) => `"${name}":"${value}"`,
      (name, value) => `'${name}': '${value}'`,
      (name, value) => `{\\"${name}\\":\\"${value}\\"}`,
      (name, value) => `?a=1&${name}=${value}&b=2`,
      (name, value) => `"${name}":["${value}"]`,
    ),
  )
  .map(([name, value, write]) => ({ text: write(name, value), core: value }));

export const authorization: fc.Arbitrary<PlantedSecret> = fc
  .tuple(
    fc.constantFrom('Authorization: Bearer ', 'authorization=Basic ', 'Bearer ', '"Authorization":"Bearer '),
    password,
  )
  .map(([before, token]) => ({
    text: `${before}${token.replaceAll(/[!$*^]/g, '.')}`,
    core: token.replaceAll(/[!$*^]/g, '.'),
  }));

export const anySecret = fc.oneof(jwt, awsKey, cardNumber, iban, email, named, authorization);

/** What stands around a secret: anything, apart from it by a character no secret is made of. */
export const surroundings = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    '2026-11-03T10:22:33.123Z',
    '{"level":"INFO","msg":"',
    '\u001b[31m',
    '203.0.113.7 - -',
    '/orders/42',
    'Mozilla/5.0 (X11)',
  ),
);
