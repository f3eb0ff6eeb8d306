/**
 * How sure a parse is. `exact`: the line is valid JSON with the members of the format and no others. `clean`: the text
 * between the variables was found in one way only, and no value holds a quote that could end it. `recovered`: found in
 * one way only, but a value holds an unescaped quote.
 */
export type Certainty = 'exact' | 'clean' | 'recovered';

/** Values by slot of the format; `-` and the empty value are absent. */
export interface ParsedAccessLine {
  readonly kind: 'parsed';
  readonly certainty: Certainty;
  readonly values: readonly (string | undefined)[];
}

/** `problem` says what was expected and where, and never repeats what stood in the line. */
export interface ParseFailure {
  readonly kind: 'failed';
  readonly problem: string;
}

export function parseFailure(problem: string): ParseFailure {
  return { kind: 'failed', problem };
}

/** API Gateway prints a variable that is not set as a bare hyphen. */
export function presentValue(value: string): string | undefined {
  return value === '-' || value === '' ? undefined : value;
}
