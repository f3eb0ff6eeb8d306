/**
 * JSON written member by member: one pass, one string, no objects in between. `JSON.stringify` still escapes every
 * string (lone surrogates included), so one event can never break out of its envelope.
 */

/** A text as JSON, quotes included. */
export type Quote = (text: string) => string;

/** `,"name":"value"`, or nothing when there is no value. */
export function member(
  name: string,
  value: string | number | boolean | undefined,
  quoted: Quote = quote,
): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? `,"${name}":${quoted(value)}` : scalarMember(name, value);
}

/** Longer texts are left to `JSON.stringify`: its fixed cost is what the loop saves. */
const MAX_LOOKED_AT = 128;

/** A text in quotes. Most of ours are short plain ASCII, and a look at each character costs half of `JSON.stringify`. */
export function quote(text: string): string {
  if (text.length > MAX_LOOKED_AT) return JSON.stringify(text);
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit > 0x7e || unit === 0x22 || unit === 0x5c) return JSON.stringify(text);
  }
  return `"${text}"`;
}

/** For texts of which it is known that none needs an escape. */
export function quotePlain(text: string): string {
  return `"${text}"`;
}

/** A number that JSON cannot say (NaN, Infinity) is left out, as absence is not zero. */
function scalarMember(name: string, value: number | boolean): string {
  if (typeof value === 'number' && !Number.isFinite(value)) return '';
  return `,"${name}":${value}`;
}

/** Members joined so far as the inside of an object: each begins with its comma, the first comma is dropped. */
export function inside(members: string): string {
  return members.slice(1);
}

/**
 * Epoch seconds with three decimals, as text: Splunk refuses an exponent, and a float made by dividing may print
 * digits nobody measured.
 */
export function epochSeconds(ms: number): string {
  if (!Number.isSafeInteger(ms) || ms < 1_000) return (ms / 1_000).toFixed(3);
  const digits = String(ms);
  return `${digits.slice(0, -3)}.${digits.slice(-3)}`;
}
