import { type AccessLogVariable, accessLogVariable } from '../../catalog/access-log-variables.ts';

/** One `$context.…` of a format, in order. A variable that stands twice has two slots. */
export interface TemplateSlot {
  /** Name without `$context.`, e.g. `authorizer.requestId`; several, joined by `+`, where nothing stands between. */
  readonly name: string;
  readonly variable: AccessLogVariable;
}

/** `literals[i]` stands before slot `i`; the last one ends the line. Always one literal more than slots. */
export interface FormatTemplate {
  readonly literals: readonly string[];
  readonly slots: readonly TemplateSlot[];
}

const VARIABLES = /(?:\$context\.[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)+/g;

/**
 * Cuts a format into literals and variables. Variables without text between them cannot be told apart in a line, so
 * they share one slot, which is dropped.
 */
export function readFormatTemplate(format: string): FormatTemplate {
  const literals: string[] = [];
  const slots: TemplateSlot[] = [];
  let from = 0;
  for (const match of format.matchAll(VARIABLES)) {
    const name = match[0].slice('$context.'.length).replaceAll('$context.', '+');
    literals.push(format.slice(from, match.index));
    slots.push({ name, variable: accessLogVariable(name) });
    from = match.index + match[0].length;
  }
  literals.push(format.slice(from));
  return { literals, slots };
}

/** Drops carriage returns and line feeds at both ends. */
export function trimLineEnds(text: string): string {
  let from = 0;
  let to = text.length;
  while (to > from && isLineEnd(text.charCodeAt(to - 1))) to -= 1;
  while (from < to && isLineEnd(text.charCodeAt(from))) from += 1;
  return from === 0 && to === text.length ? text : text.slice(from, to);
}

/** As `trimLineEnds`, and drops a line feed written as the two characters `\n`, which is what many shells pass on. */
export function trimWrittenLineEnds(text: string): string {
  let trimmed = trimLineEnds(text);
  while (trimmed.endsWith('\\n')) trimmed = trimLineEnds(trimmed.slice(0, -2));
  return trimmed;
}

function isLineEnd(code: number): boolean {
  return code === 10 || code === 13;
}
