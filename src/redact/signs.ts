import { isIbanCountry } from './ibans.ts';

/** What a text shows of what detectors look for, one bit each. No bit: nothing to find, nothing unsafe to write. */
export const SIGNS = {
  /** A control or non-ASCII character. */
  unsafe: 1,
  /** `:` or `=`: a name and its value. */
  named: 2,
  at: 4,
  /** `%` or `\`: something may be escaped. */
  escape: 8,
  /** Thirteen digits with at most one separator between two. */
  digits: 16,
  /** A word that begins as an IBAN does. */
  iban: 32,
  /** Forty base64 characters in a row. */
  long: 64,
  jwt: 128,
  awsKey: 256,
  issued: 512,
  pem: 1_024,
  scheme: 2_048,
} as const;

const PLAIN = 0;
const LETTER = 1;
const DIGIT = 2;
/** Space, `+`, `-`, `/`, `_`: seen in numbers, base64 and tokens. */
const JOINT = 3;
const SIGN = 4;
/** Letters that end a telling word. */
const ENDING = 5;

const KINDS = Uint8Array.from({ length: 128 }, (_, code) => kindOf(code));

function kindOf(code: number): number {
  const character = String.fromCharCode(code);
  if (code < 0x20 || code === 0x7f || ':=@%\\'.includes(character)) return SIGN;
  if (/[0-9]/.test(character)) return DIGIT;
  if (' +-/_'.includes(character)) return JOINT;
  if ('JAxzrRcC'.includes(character)) return ENDING;
  return /[A-Za-z]/.test(character) ? LETTER : PLAIN;
}

/**
 * Reads a text once and says which detectors are worth running. This is the hot path: every string of every log line
 * comes through here and most show nothing, so it is one loop over character codes without a regular expression.
 * It may say too much, never too little.
 */
export function signsOf(text: string): number {
  let signs = 0;
  let digits = 0;
  let base64 = 0;
  let word = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const kind = code < 128 ? (KINDS[code] ?? SIGN) : SIGN;
    if (kind === DIGIT) {
      digits += 1;
      base64 += 1;
      word += 1;
      if (digits === 13) signs |= SIGNS.digits;
      if (word === 4 && isIbanCountry(text, at - 3)) signs |= SIGNS.iban;
      if (code === 0x30 && text.charCodeAt(at - 1) === 0x74) signs |= SIGNS.issued;
    } else if (kind === LETTER || kind === ENDING) {
      digits = 0;
      base64 += 1;
      word += 1;
      if (kind === ENDING) signs |= signOfWord(text, at, code);
    } else {
      word = 0;
      base64 = code === 0x2b || code === 0x2f ? base64 + 1 : 0;
      if (kind === JOINT) {
        if (code === 0x2f || code === 0x5f || isJoint(text.charCodeAt(at - 1))) digits = 0;
        if (code === 0x2d || code === 0x5f) signs |= signOfJoint(text, at, code);
      } else {
        digits = code < 128 ? 0 : digits;
        if (kind === SIGN) signs |= signOfCharacter(code);
      }
    }
    if (base64 === 40) signs |= SIGNS.long;
  }
  return signs;
}

function isJoint(code: number): boolean {
  return code === 0x20 || code === 0x2b || code === 0x2d;
}

function signOfCharacter(code: number): number {
  if (code === 0x3a || code === 0x3d) return SIGNS.named;
  if (code === 0x40) return SIGNS.at;
  return code === 0x25 || code === 0x5c ? SIGNS.escape : SIGNS.unsafe;
}

/** The last letter of `eyJ`, `A?IA`, `ACCA`, `xox`, `AIza`, `bearer`, `basic`. */
function signOfWord(text: string, at: number, code: number): number {
  const before = text.charCodeAt(at - 1) | 0x20;
  switch (code | 0x20) {
    case 0x6a: // j
      return before === 0x79 ? SIGNS.jwt : 0;
    case 0x61: // a
      return text.charCodeAt(at - 3) === 0x41 ? SIGNS.awsKey : 0;
    case 0x78: // x
      return before === 0x6f ? SIGNS.issued : 0;
    case 0x7a: // z
      return before === 0x69 ? SIGNS.issued : 0;
    case 0x72: // r
      return before === 0x65 && (text.charCodeAt(at - 2) | 0x20) === 0x72 ? SIGNS.scheme : 0;
    default: // c
      return before === 0x69 && (text.charCodeAt(at - 2) | 0x20) === 0x73 ? SIGNS.scheme : 0;
  }
}

/** `ghp_`, `github_pat_`, `sk_live_`, `sk_test_` end in `_`; `glpat-` and the rule of a PEM block in `-`. */
function signOfJoint(text: string, at: number, code: number): number {
  const before = text.charCodeAt(at - 1);
  if (code === 0x2d) return before === 0x2d ? SIGNS.pem : before === 0x74 ? SIGNS.issued : 0;
  const isIssued =
    text.charCodeAt(at - 3) === 0x67 || // `gh?_`
    text.startsWith('pat', at - 3) ||
    text.startsWith('live', at - 4) ||
    text.startsWith('test', at - 4);
  return isIssued ? SIGNS.issued : 0;
}
