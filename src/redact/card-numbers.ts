import type { Span } from './span.ts';

/** First digits (as a range of equally long prefixes) and the lengths an issuer gives its numbers. */
interface IssuerRange {
  readonly from: number;
  readonly to: number;
  readonly digits: number;
  readonly lengths: readonly number[];
}

const LONG = [16, 17, 18, 19] as const;
const ISSUERS: readonly IssuerRange[] = [
  { from: 4, to: 4, digits: 1, lengths: [13, 16, 19] }, // Visa
  { from: 51, to: 55, digits: 2, lengths: [16] }, // Mastercard
  { from: 2221, to: 2720, digits: 4, lengths: [16] }, // Mastercard
  { from: 34, to: 34, digits: 2, lengths: [15] }, // American Express
  { from: 37, to: 37, digits: 2, lengths: [15] }, // American Express
  { from: 300, to: 305, digits: 3, lengths: [14, ...LONG] }, // Diners Club
  { from: 3095, to: 3095, digits: 4, lengths: [14, ...LONG] }, // Diners Club
  { from: 36, to: 36, digits: 2, lengths: [14, ...LONG] }, // Diners Club
  { from: 38, to: 39, digits: 2, lengths: [14, ...LONG] }, // Diners Club
  { from: 3528, to: 3589, digits: 4, lengths: LONG }, // JCB
  { from: 6011, to: 6011, digits: 4, lengths: LONG }, // Discover
  { from: 644, to: 649, digits: 3, lengths: LONG }, // Discover
  { from: 65, to: 65, digits: 2, lengths: LONG }, // Discover, RuPay
  { from: 60, to: 60, digits: 2, lengths: [16] }, // RuPay
  { from: 508, to: 508, digits: 3, lengths: [16] }, // RuPay
  { from: 62, to: 62, digits: 2, lengths: LONG }, // UnionPay
  { from: 81, to: 82, digits: 2, lengths: LONG }, // UnionPay, RuPay
  { from: 2200, to: 2204, digits: 4, lengths: LONG }, // Mir
  { from: 9792, to: 9792, digits: 4, lengths: [16] }, // Troy
  { from: 50, to: 50, digits: 2, lengths: [13, 14, 15, ...LONG] }, // Maestro
  { from: 56, to: 58, digits: 2, lengths: [13, 14, 15, ...LONG] }, // Maestro
  { from: 67, to: 67, digits: 2, lengths: [13, 14, 15, ...LONG] }, // Maestro
  { from: 6304, to: 6304, digits: 4, lengths: [13, 14, 15, ...LONG] }, // Maestro
];

/** Digits with at most one separator between two of them: long enough to hold a card number. */
const DIGITS = /[0-9](?:[ +\-\u00a0\u2007\u200b\u2011\u2013\u202f]?[0-9]){12,}/g;
const GROUP = /[0-9]+/g;
const SEPARATED = /[^0-9]/;

/**
 * How people and systems write card numbers: whole, in fours, American Express and Diners style, in eights, six and
 * thirteen. Other groupings are other numbers: a line of `200 1532 45 120 …` has a card number's digits far too often.
 */
const SHAPES = new Set(['4-6-5', '4-6-4', '8-8', '6-13']);

interface Group {
  readonly start: number;
  readonly end: number;
}

/**
 * Payment card numbers: an issuer's first digits, that issuer's length, a right check digit (Luhn) and a card's shape.
 * An epoch time in milliseconds (13 digits from 1, in this century) has no issuer; a run of hexadecimal digits is an
 * id; digits after `0.` are a fraction; longer runs are log event ids. One wrong guess in ten Luhn-valid 16-digit
 * numbers stays possible and hides a number nobody needs.
 */
export function findCardNumbers(text: string, found: Span[]): void {
  for (const run of text.matchAll(DIGITS)) {
    findInGroups(text, groupsIn(run[0], run.index), found);
  }
}

/** Most runs are times in milliseconds and ids: one group. */
function groupsIn(run: string, at: number): readonly Group[] {
  if (!SEPARATED.test(run)) return [{ start: at, end: at + run.length }];
  return Array.from(run.matchAll(GROUP), (group) => ({
    start: at + group.index,
    end: at + group.index + group[0].length,
  }));
}

function findInGroups(text: string, groups: readonly Group[], found: Span[]): void {
  for (let first = 0; first < groups.length; first += 1) {
    const last = lastGroupOfCard(text, groups, first);
    if (last === undefined) continue;
    const start = groups[first]?.start ?? 0;
    const end = groups[last]?.end ?? 0;
    if (isOtherNumber(text, start, end)) continue;
    found.push({ rule: 'pan', start, end });
    first = last;
  }
}

function lastGroupOfCard(text: string, groups: readonly Group[], first: number): number | undefined {
  let digits = '';
  let longest: number | undefined;
  for (let last = first; last < groups.length; last += 1) {
    const group = groups[last];
    if (group === undefined || digits.length + group.end - group.start > 19) break;
    digits += text.slice(group.start, group.end);
    // The check digit first: it turns nine of ten numbers away, and no list is made for them.
    if (digits.length >= 13 && isCardNumber(digits) && isCardShape(text, groups.slice(first, last + 1))) {
      longest = last;
    }
  }
  return longest;
}

function isCardShape(text: string, groups: readonly Group[]): boolean {
  const separators = new Set(groups.slice(1).map((group) => text.charAt(group.start - 1)));
  if (separators.size > 1) return false;
  const lengths = groups.map((group) => group.end - group.start);
  if (lengths.length === 1 || SHAPES.has(lengths.join('-'))) return true;
  return lengths.every((length, index) => length === 4 || (index === lengths.length - 1 && length < 4));
}

/** True for 13 to 19 digits that an issuer could have given out. */
export function isCardNumber(digits: string): boolean {
  if (!passesLuhn(digits)) return false;
  return ISSUERS.some((range) => {
    const prefix = Number(digits.slice(0, range.digits));
    return prefix >= range.from && prefix <= range.to && range.lengths.includes(digits.length);
  });
}

function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 0x30;
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

const BEFORE = /[A-Za-z0-9]*$/;
const AFTER = /^[A-Za-z0-9]*/;
const SPAN_ID_BEFORE = /(?:parent=|span_?id["']?[:=]\s?["']?|(?<![0-9a-f])[0-9a-f]{32}-)$/i;

/** A hexadecimal id, a fraction, or a span id of a trace that happens to be all digits. */
function isOtherNumber(text: string, start: number, end: number): boolean {
  const around = text.slice(Math.max(0, start - 64), start);
  const letters = (BEFORE.exec(around)?.[0] ?? '') + (AFTER.exec(text.slice(end, end + 64))?.[0] ?? '');
  if (letters !== '' && /^[0-9a-f]+$/i.test(letters)) return true;
  return /(?:^|[^0-9])0\.$/.test(around) || SPAN_ID_BEFORE.test(around);
}
