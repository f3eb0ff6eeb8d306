import type { Span } from './span.ts';

const BASE64URL_RUN = /[A-Za-z0-9_-]*/y;
const BEGINS_INSIDE_WORD = /[A-Za-z0-9_-]/;

/**
 * JSON Web Tokens, signed, encrypted or cut short: `eyJ` is base64 for `{"`. Without a dot the rest must be longer than
 * the gateway's own request ids (15 letters and `=`), which hold those three letters now and then.
 */
export function findJwts(text: string, found: Span[]): void {
  let start = text.indexOf('eyJ');
  while (start !== -1) {
    const headEnd = runEnd(text, start);
    const end = partsEnd(text, headEnd);
    const whole = end > headEnd ? headEnd - start >= 10 : headEnd - start >= 20;
    if (whole && (end > headEnd || !BEGINS_INSIDE_WORD.test(text.charAt(start - 1)))) {
      found.push({ rule: 'jwt', start, end });
    }
    start = text.indexOf('eyJ', end);
  }
}

function runEnd(text: string, from: number): number {
  BASE64URL_RUN.lastIndex = from;
  BASE64URL_RUN.test(text);
  return BASE64URL_RUN.lastIndex;
}

/** End of the dotted parts after a head: at most four more, as an encrypted token has. */
function partsEnd(text: string, headEnd: number): number {
  let end = headEnd;
  for (let part = 0; part < 4 && text.charAt(end) === '.'; part += 1) {
    const next = runEnd(text, end + 1);
    if (next === end + 1 && part === 0) return headEnd;
    end = next;
  }
  return end;
}

/** To the end of the run: a match that stopped short would leave a beginning for the next look, and so on through the text. */
const ACCESS_KEY_ID = /(?<![A-Z0-9])A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16,}/g;

/** AWS access key ids, long-lived (`AKIA`) and temporary (`ASIA`); the gateway's own ids never look so. */
export function findAwsAccessKeyIds(text: string, found: Span[]): void {
  for (const match of text.matchAll(ACCESS_KEY_ID)) {
    found.push({ rule: 'aws_key', start: match.index, end: match.index + match[0].length });
  }
}

const FORTY = /(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g;
const NAMES_A_KEY = /secret|aws|key|credential/i;

/** Forty mixed letters shortly after a word for a key: an AWS secret access key. Alone, a path may look the same. */
export function findAwsSecretKeys(text: string, found: Span[]): void {
  for (const match of text.matchAll(FORTY)) {
    const value = match[0];
    if (!/[a-z]/.test(value) || !/[A-Z]/.test(value) || !/[0-9]/.test(value)) continue;
    if (!NAMES_A_KEY.test(text.slice(Math.max(0, match.index - 48), match.index))) continue;
    found.push({ rule: 'aws_key', start: match.index, end: match.index + 40 });
  }
}

/** Tokens that name their issuer: GitHub, GitLab, Slack, Stripe, Google, Dynatrace. Each to the end of its run, as above. */
const ISSUED =
  /(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}|xox[abeprs]-[A-Za-z0-9-]{10,}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|AIza[A-Za-z0-9_-]{35,}|dt0[a-z][0-9]{2}\.[A-Z0-9]{24}(?:\.[A-Z0-9]{64})?)/g;

export function findIssuedTokens(text: string, found: Span[]): void {
  for (const match of text.matchAll(ISSUED)) {
    found.push({ rule: 'token', start: match.index, end: match.index + match[0].length });
  }
}

const PEM_END = '-----END';

/** Private keys in PEM form; one without an end reaches to the end of the text. */
export function findPrivateKeys(text: string, found: Span[]): void {
  let start = text.indexOf('-----BEGIN');
  while (start !== -1) {
    let end = start + 10;
    if (text.slice(start, start + 64).includes('PRIVATE KEY')) {
      end = pemEnd(text, end);
      found.push({ rule: 'private_key', start, end });
    }
    start = text.indexOf('-----BEGIN', end);
  }
}

function pemEnd(text: string, from: number): number {
  const closing = text.indexOf(PEM_END, from);
  if (closing === -1) return text.length;
  const dashes = text.indexOf('-----', closing + PEM_END.length);
  return dashes === -1 ? text.length : dashes + 5;
}
