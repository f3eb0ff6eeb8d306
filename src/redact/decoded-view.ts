/**
 * A text with escapes taken out, and where each of its units stood: unit `i` came from `[starts[i], starts[i + 1])`
 * of the text it was made from. Detectors read the view; what they find is cut out of the original.
 */
export interface DecodedView {
  readonly text: string;
  readonly starts: Uint32Array;
}

/** `%40`, `%u0040` (old servers), `\u0040` (JSON) and `\x40` (programming languages). */
const ESCAPE = /%u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}/g;

/**
 * Undoes one level of escaping; `undefined` when there is none. Bytes above 0x7f stay single units of that value: good
 * enough to recognise what surrounds them, and exact positions matter more here than exact letters.
 */
export function decodeOnce(text: string): DecodedView | undefined {
  if (!text.includes('%') && !text.includes('\\')) return undefined;
  const starts: number[] = [];
  let out = '';
  let at = 0;
  for (const match of text.matchAll(ESCAPE)) {
    out += text.slice(at, match.index);
    for (; at < match.index; at += 1) starts.push(at);
    out += String.fromCharCode(Number.parseInt(match[0].slice(match[0].length === 3 ? 1 : 2), 16));
    starts.push(at);
    at += match[0].length;
  }
  if (at === 0) return undefined;
  out += text.slice(at);
  for (; at <= text.length; at += 1) starts.push(at);
  return { text: out, starts: Uint32Array.from(starts) };
}

/** The view of a view, with positions in the first text. */
export function composeViews(outer: DecodedView, inner: DecodedView): DecodedView {
  return { text: inner.text, starts: inner.starts.map((start) => outer.starts[start] ?? start) };
}
