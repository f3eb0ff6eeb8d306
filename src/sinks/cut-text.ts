import { sha256Hex } from '../core/hash.ts';

/** Longest mark that `cutText` leaves: lengths have at most twelve digits. */
export const LONGEST_MARK_BYTES = 104;

/**
 * A text of at most `maxBytes` UTF-8 bytes. What was cut says so: the length and SHA-256 of the whole lead back to the
 * text in the journal. Never cuts a character in two.
 */
export function cutText(text: string, maxBytes: number): string {
  // A UTF-16 unit takes at most three bytes.
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  const mark = ` ${cutMark(bytes.length, text)}`;
  // A character cut in two at the end decodes to U+FFFD; leave it out.
  const kept = bytes
    .subarray(0, maxBytes - mark.length)
    .toString('utf8')
    .replace(/\uFFFD$/, '');
  return kept + mark;
}

/** Stands where `bytes` bytes of `text` are missing. */
export function cutMark(bytes: number, text: string): string {
  return `[cut: ${bytes} bytes, sha256 ${sha256Hex(text)}]`;
}
