import { sha256Hex } from '../core/hash.ts';

/** Shortest cap that still holds the marker and a few words. */
export const SHORTEST_CAP = 160;

/** Cutting can make a card number of a longer one, and hiding that makes text longer than the cut: a few rounds settle it. */
const ROUNDS = 4;

const MARK = /…\[truncated len=[0-9]{1,9} sha256=[0-9a-f]{64}\]$/;
const LONGEST_MARK = 100;

/** Where the truncation marker at the end of a text begins; the text's length when it has none. */
export function markStart(text: string): number {
  if (!text.endsWith(']')) return text.length;
  const tail = text.slice(-LONGEST_MARK);
  const found = MARK.exec(tail);
  return found === null ? text.length : text.length - tail.length + found.index;
}

/**
 * Cuts a redacted text to `cap` UTF-16 units, marker included: `…[truncated len=12345 sha256=…]`, with length and
 * SHA-256 of the original, so that whoever holds the original can prove it is the one. Never cuts a character or a
 * redaction marker in two.
 */
export function truncate(
  redacted: string,
  original: string,
  cap: number,
  redact: (text: string) => string,
): string {
  const mark = `…[truncated len=${original.length} sha256=${sha256Hex(original)}]`;
  let body = redacted;
  for (let round = 0; round < ROUNDS; round += 1) {
    if (body.length + mark.length <= cap) return body + mark;
    body = redact(body.slice(0, safeCut(body, cap - mark.length)));
  }
  return body.length + mark.length <= cap ? body + mark : mark;
}

function safeCut(text: string, at: number): number {
  const open = text.lastIndexOf('[redacted:', at - 1);
  const insideMarker = open !== -1 && text.indexOf(']', open) >= at;
  const cut = insideMarker ? open : at;
  const code = text.charCodeAt(cut - 1);
  return code >= 0xd800 && code < 0xdc00 ? cut - 1 : cut;
}
