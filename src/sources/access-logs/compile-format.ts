import {
  type FormatTemplate,
  readFormatTemplate,
  trimLineEnds,
  trimWrittenLineEnds,
} from './format-template.ts';
import { type JsonNode, type JsonTemplate, readJsonTemplate } from './json-template.ts';
import {
  type Certainty,
  type ParsedAccessLine,
  type ParseFailure,
  parseFailure,
  presentValue,
} from './parsed-line.ts';
import { readJsonLine } from './read-json-line.ts';
import { planScan, relaxPlan, type ScanPlan, type ScanResult, scanLine } from './scan-template.ts';
import { isNumberText } from './value-shape.ts';

/** An access-log format, read once; parses each line that was written with it. Never throws, whatever the line. */
export interface CompiledFormat {
  /** `accessLogSettings.format`, verbatim. */
  readonly text: string;
  readonly kind: 'json' | 'literal';
  /** Variable names by slot, without `$context.`. */
  readonly variables: readonly string[];
  readonly template: FormatTemplate;
  /** Text that every line of the format begins with; a quick sign of which format a line has. */
  readonly firstLiteral: string;
  /**
   * Member names of a JSON format, so that formats which cannot be mistaken for each other are known. Absent for other
   * formats, and where a value may itself be an object.
   */
  readonly members?: string;
  parse(message: string): ParsedAccessLine | ParseFailure;
}

export function compileAccessLogFormat(format: string): CompiledFormat {
  const text = trimWrittenLineEnds(format);
  const trim = text === trimLineEnds(format) ? trimLineEnds : trimWrittenLineEnds;
  const template = readFormatTemplate(text);
  const json = readJsonTemplate(template);
  const scanner = createScanner(template, json !== undefined);
  const numeric = template.slots.flatMap((slot, i) => (slot.variable.shape === 'number' ? [i] : []));
  const members = json === undefined ? undefined : memberNames(json.root, template);
  const read = json === undefined ? scanner : createJsonReader(json, scanner);
  return {
    text: format,
    kind: json === undefined ? 'literal' : 'json',
    variables: template.slots.map((slot) => slot.name),
    template,
    firstLiteral: template.literals[0] ?? '',
    ...(members !== undefined && { members }),
    parse: (message) => finish(read(trim(message)), template, numeric),
  };
}

type RawReading =
  | {
      readonly kind: 'values';
      readonly certainty: Certainty;
      readonly values: readonly (string | undefined)[];
    }
  | ParseFailure;

type LineReader = (line: string) => RawReading;

function memberNames(node: JsonNode, template: FormatTemplate): string | undefined {
  if (node.kind === 'object') {
    const names = node.members.map((member) => {
      const inner = memberNames(member.node, template);
      return inner === undefined ? undefined : `${JSON.stringify(member.key)}${inner}`;
    });
    return names.includes(undefined) ? undefined : `{${names.sort().join()}}`;
  }
  if (node.kind === 'array') return `[${node.items.length}]`;
  const mayHoldObject =
    node.kind === 'slot' && !node.quoted && template.slots[node.slot]?.variable.shape === 'phrase';
  return mayHoldObject ? undefined : '';
}

/**
 * Strict JSON first. Text that is no JSON (a bare `-` where a number was not set, an unescaped quote), or JSON that a
 * client may have added to, is read again by the literals of the format.
 */
function createJsonReader(json: JsonTemplate, scanner: LineReader): LineReader {
  return (line) => {
    const parsed = parseJson(line);
    if (parsed === undefined) return scanner(line);
    const reading = readJsonLine(json, line, parsed);
    if (reading.kind === 'values') return { kind: 'values', certainty: 'exact', values: reading.values };
    const scanned = scanner(line);
    if (scanned.kind === 'values' || reading.kind === 'unsure') return scanned;
    return parseFailure(reading.problem);
  };
}

function parseJson(line: string): unknown {
  if (line.charCodeAt(0) !== 123) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    // Not JSON: the literals of the format decide. The error quotes the line, so it is not passed on.
    return undefined;
  }
}

function createScanner(template: FormatTemplate, isJson: boolean): LineReader {
  const strict = planScan(
    template.literals,
    template.slots.map((slot) => slot.variable.shape),
  );
  const relaxed = relaxPlan(strict);
  const quoted = template.slots.map((_, i) => isQuoted(strict, i));
  return (line) => {
    const first = scanLine(strict, line);
    const result = first.kind === 'values' || relaxed === undefined ? first : scanLine(relaxed, line);
    if (result.kind !== 'values') return parseFailure(describe(result, template));
    return {
      kind: 'values',
      certainty: result.values.some((value, i) => quoted[i] && hasBareQuote(value)) ? 'recovered' : 'clean',
      values: result.values.map((value, i) =>
        presentValue(isJson ? unescaped(value, quoted[i] ?? false) : value),
      ),
    };
  };
}

function describe(result: Exclude<ScanResult, { kind: 'values' }>, template: FormatTemplate): string {
  const name = template.slots[result.slot]?.name;
  const place = name === undefined ? 'at the end of the line' : `at $context.${name}`;
  return result.kind === 'ambiguous'
    ? `the line can be read in more than one way ${place}`
    : `the line does not follow the format ${place}`;
}

function isQuoted(plan: ScanPlan, slot: number): boolean {
  return (plan.literals[slot] ?? '').endsWith('"') && (plan.literals[slot + 1] ?? '').startsWith('"');
}

/** True for a quote that no backslash escapes. */
function hasBareQuote(value: string): boolean {
  if (!value.includes('"')) return false;
  for (let i = 0; i < value.length; i += 1) {
    const code = value.charCodeAt(i);
    if (code === 92) i += 1;
    else if (code === 34) return true;
  }
  return false;
}

/** Undoes JSON escapes of one value, where it is a well-formed JSON string; else leaves it as it stands. */
function unescaped(value: string, isInQuotes: boolean): string {
  const text = isInQuotes ? `"${value}"` : value;
  if (!isInQuotes ? !value.startsWith('"') : !value.includes('\\')) return value;
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === 'string' ? read : value;
  } catch {
    return value;
  }
}

function finish(
  reading: RawReading,
  template: FormatTemplate,
  numeric: readonly number[],
): ParsedAccessLine | ParseFailure {
  if (reading.kind === 'failed') return reading;
  const { values } = reading;
  for (const slot of numeric) {
    const value = values[slot];
    if (value !== undefined && !isNumberText(value)) {
      return parseFailure(`expected a number at $context.${template.slots[slot]?.name ?? slot}`);
    }
  }
  return { kind: 'parsed', certainty: reading.certainty, values };
}
