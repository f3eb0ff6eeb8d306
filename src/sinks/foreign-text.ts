import { createRedactor } from '../redact/redactor.ts';

const redactor = createRedactor({ keys: [], pseudonymise: [] });

const MAX_CHARS = 300;

/**
 * What a destination says in its own words, fit to stand in a dead letter, a log line and a terminal: the beginning of
 * it, on one line, without escapes that paint a terminal and without a token that it may echo.
 */
export function foreignText(text: string): string {
  return redactor.text(text.slice(0, MAX_CHARS));
}
