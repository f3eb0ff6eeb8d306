import { isObject, parseJsonExactly } from '../../core/json.ts';
import { readWords } from './key-value-words.ts';
import { EMPTY_WORDS, type LineContent, type LoggedError } from './line-reading.ts';

/** `undefined` for text that is no JSON object. The parse error quotes the text, so it is not passed on. */
export function parseJsonObject(text: string): Record<string, unknown> | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith('{') || !trimmed.endsWith('}')) return undefined;
  try {
    const value = parseJsonExactly(trimmed);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Text of an application line: a JSON object, text before a JSON object, or words. */
export function contentOfText(text: string): LineContent {
  const brace = text.indexOf('{');
  const object = brace < 0 ? undefined : parseJsonObject(text.slice(brace));
  if (object === undefined) return { objects: [], words: readWords(text), text };
  return { objects: [object], words: brace === 0 ? EMPTY_WORDS : readWords(text.slice(0, brace)), text };
}

/** A JSON application line: its `message` may be an object of its own, a JSON text, or words. */
export function contentOfObject(line: Readonly<Record<string, unknown>>, text: string): LineContent {
  const { message } = line;
  if (isObject(message)) return { objects: [message, line], words: EMPTY_WORDS, text };
  if (typeof message !== 'string') return { objects: [line], words: EMPTY_WORDS, text };
  const inner = contentOfText(message);
  return { objects: [...inner.objects, line], words: inner.words, text };
}

/** Lambda's `errorType` and `errorMessage`; `endedInvocation` is for the caller to know. */
export function loggedError(
  object: Readonly<Record<string, unknown>>,
  endedInvocation: boolean,
): LoggedError | undefined {
  const { errorType, errorMessage } = object;
  if (typeof errorType !== 'string' && typeof errorMessage !== 'string') return undefined;
  return {
    type: typeof errorType === 'string' ? errorType : 'Error',
    message: typeof errorMessage === 'string' ? errorMessage : '',
    endedInvocation,
  };
}
