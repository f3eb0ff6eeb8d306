import type { Span } from './span.ts';

/**
 * Characters that never reach a log as themselves: controls (line breaks and ANSI escapes forge lines and paint
 * terminals), line separators, and invisible or direction-changing ones that make a text read as something else.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const LONE_SURROGATE = /\p{Surrogate}/gu;

/** Marks what stores and destinations refuse or change silently: NUL and lone surrogates become U+FFFD, controls `\u001b`. */
export function findUnsafeCharacters(text: string, found: Span[]): void {
  for (const match of text.matchAll(UNSAFE)) {
    const start = match.index;
    found.push({ rule: 'control', start, end: start + 1, replacement: visible(match[0]) });
  }
  if (text.isWellFormed()) return;
  for (const match of text.matchAll(LONE_SURROGATE)) {
    found.push({ rule: 'lone_surrogate', start: match.index, end: match.index + 1, replacement: '\ufffd' });
  }
}

function visible(character: string): string {
  const code = character.charCodeAt(0);
  return code === 0 ? '\ufffd' : `\\u${code.toString(16).padStart(4, '0')}`;
}
