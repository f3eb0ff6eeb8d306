import type { Span } from './span.ts';

/** Length of an IBAN by country (IBAN registry). */
const LENGTHS: ReadonlyMap<string, number> = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ' +
    'ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 ' +
    'LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 ' +
    'QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** Two letters as one number, any case: `(first - a) * 26 + second - a`. */
const COUNTRIES = Uint8Array.from({ length: 26 * 26 }, (_, pair) =>
  LENGTHS.has(String.fromCharCode(0x41 + Math.floor(pair / 26), 0x41 + (pair % 26))) ? 1 : 0,
);

/** True when the two letters at `at` are a country that gives out IBANs. */
export function isIbanCountry(text: string, at: number): boolean {
  const first = (text.charCodeAt(at) | 0x20) - 0x61;
  const second = (text.charCodeAt(at + 1) | 0x20) - 0x61;
  return first >= 0 && second >= 0 && second < 26 && COUNTRIES[first * 26 + second] === 1;
}

const BEGINNING = /(?<![A-Za-z0-9])(?:[A-Z]{2}|[a-z]{2})[0-9]{2}(?=[ +-]?[A-Za-z0-9])/g;

/** International bank account numbers, whole or in groups: a country's letters, that country's length, mod 97 = 1. */
export function findIbans(text: string, found: Span[]): void {
  for (const match of text.matchAll(BEGINNING)) {
    const length = LENGTHS.get(match[0].slice(0, 2).toUpperCase());
    if (length === undefined) continue;
    const taken = take(text, match.index, length);
    if (taken === undefined || !isIban(taken.letters)) continue;
    found.push({ rule: 'iban', start: match.index, end: taken.end });
  }
}

/** `count` letters and digits from `start`, with single separators between; nothing when a word goes on after them. */
function take(text: string, start: number, count: number): { letters: string; end: number } | undefined {
  let letters = '';
  let at = start;
  for (; letters.length < count; at += 1) {
    const character = text.charAt(at);
    if (/[A-Za-z0-9]/.test(character)) letters += character;
    else if (!/[ +-]/.test(character) || !/[A-Za-z0-9]/.test(text.charAt(at + 1))) return undefined;
  }
  return /[A-Za-z0-9]/.test(text.charAt(at)) ? undefined : { letters, end: at };
}

function isIban(letters: string): boolean {
  const upper = letters.toUpperCase();
  if (letters !== upper && letters !== letters.toLowerCase()) return false;
  let rest = 0;
  for (const character of upper.slice(4) + upper.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    rest = (value > 9 ? rest * 100 + value : rest * 10 + value) % 97;
  }
  return rest === 1;
}
