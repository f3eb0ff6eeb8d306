import { Secret } from '../core/secret.ts';
import { isSecretName } from '../redact/secret-names.ts';

export type RedactText = (text: string) => string;

/** Longest string of a log line, in UTF-16 units: the first lines of a stack, not a page of somebody's HTML. */
const MAX_TEXT = 4_000;
const MAX_DEPTH = 6;
/** Values in one log line, all levels together. Also what ends a structure that holds itself. */
const MAX_VALUES = 500;

/** Names that the line has already; a field of that name gets a trailing underscore instead of a second meaning. */
const RESERVED = new Set(['level', 'time', 'message', 'version', 'instance', 'trace_id', 'span_id']);

/**
 * Makes fields fit to be logged: values under a name that announces a secret become `***`, text is redacted and cut, errors
 * keep name, code, message, stack and cause, and nothing a caller passes makes logging throw.
 */
export function cleanLogFields(
  fields: Readonly<Record<string, unknown>>,
  redactText: RedactText,
): Record<string, unknown> {
  const cleaned = new FieldCleaner(redactText).object(fields, 0);
  return Object.fromEntries(
    Object.entries(cleaned).map(([name, value]) => [RESERVED.has(name) ? `${name}_` : name, value]),
  );
}

export function cutText(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}… (${text.length - MAX_TEXT} more)`;
}

class FieldCleaner {
  readonly #redactText: RedactText;
  #left = MAX_VALUES;

  constructor(redactText: RedactText) {
    this.#redactText = redactText;
  }

  object(source: object, depth: number): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    for (const name of Object.keys(source)) {
      if (this.#left <= 0) {
        entries.push(['…', 'more was left out']);
        break;
      }
      const value = readMember(source, name);
      if (value !== undefined) entries.push([name, this.#member(name, value, depth)]);
    }
    return Object.fromEntries(entries);
  }

  #member(name: string, value: unknown, depth: number): unknown {
    const hidden = value !== null && typeof value !== 'boolean' && isSecretName(name);
    return hidden ? '***' : this.#value(value, depth);
  }

  #value(value: unknown, depth: number): unknown {
    this.#left -= 1;
    switch (typeof value) {
      case 'string':
        return cutText(this.#redactText(value));
      case 'number':
        return Number.isFinite(value) ? value : String(value);
      case 'bigint':
        return value.toString();
      case 'function':
      case 'symbol':
        return `[${typeof value}]`;
      case 'object':
        return value === null ? null : this.#nested(value, depth + 1);
      default:
        return value;
    }
  }

  #nested(value: object, depth: number): unknown {
    if (value instanceof Secret) return '***';
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? '[no date]' : value.toISOString();
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (value instanceof URL) return this.#value(value.href, depth);
    if (depth > MAX_DEPTH) return '[deeper]';
    if (value instanceof Error) return this.#error(value, depth);
    if (value instanceof Map) return this.object(Object.fromEntries(value), depth);
    if (Array.isArray(value) || value instanceof Set) return this.#list(value, depth);
    return this.object(value, depth);
  }

  #list(values: Iterable<unknown>, depth: number): unknown[] {
    const cleaned: unknown[] = [];
    for (const value of values) {
      if (this.#left <= 0) {
        cleaned.push('… more was left out');
        break;
      }
      cleaned.push(this.#value(value, depth));
    }
    return cleaned;
  }

  #error(error: Error, depth: number): Record<string, unknown> {
    const parts: Record<string, unknown> = {};
    for (const name of ['name', 'message', 'stack', 'cause', 'errors', ...Object.keys(error)]) {
      parts[name] = readMember(error, name);
    }
    return this.object(parts, depth);
  }
}

/** A getter may throw; a log line about trouble must not make more of it. */
function readMember(source: object, name: string): unknown {
  try {
    return Reflect.get(source, name);
  } catch {
    return '[unreadable]';
  }
}
