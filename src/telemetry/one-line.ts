import { findUnsafeCharacters } from '../redact/characters.ts';
import { mergeSpans, type Span, splice } from '../redact/span.ts';

/**
 * The text without a character that could break its line, paint a terminal or change the reading direction: each stands
 * there as `\u001b`. Also right for a whole line of JSON, where the escape means the character it replaces.
 */
export function oneLine(text: string): string {
  const found: Span[] = [];
  findUnsafeCharacters(text, found);
  return found.length === 0 ? text : splice(text, mergeSpans(found));
}
