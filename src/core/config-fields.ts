import { validate as isCron } from 'node-cron';
import { z } from 'zod';
import { formatDuration, parseDuration } from './duration.ts';
import { UserError } from './errors.ts';
import { Secret } from './secret.ts';

/**
 * The kinds of value that options are made of. A component builds its schema from these, so that a duration is
 * written, refused and documented in the same words everywhere. Defaults are given with `.prefault('60s')`: in the form
 * a user writes, which is also what the JSON Schema and the reference print.
 */

/** What a field adds to its refusals; the problem mapper prints it. Never holds the refused value. */
export interface RefusalParams {
  readonly expected: string;
  readonly remedy?: string;
  /** True when the value must not be printed. */
  readonly secret?: boolean;
}

const DURATION_PATTERN = '^(\\d+(\\.\\d+)?(ms|s|m|h|d))+$';
const BYTES_PATTERN = '^\\d+(\\.\\d+)?\\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)$';
const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1_000,
  KB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
};

export const DURATION_REMEDY = 'write a number and a unit (ms, s, m, h or d)';
export const SIZE_REMEDY = 'write a number and a unit (B, kB, MB, GB, KiB, MiB or GiB)';
const WITHIN_BOUNDS = 'write one within these bounds';

/** A span of time such as `90s`, `5m` or `1h30m`; milliseconds once parsed. Bounds in milliseconds, inclusive. */
export function duration(bounds: { readonly minMs?: number; readonly maxMs?: number } = {}) {
  const minMs = bounds.minMs ?? 0;
  const maxMs = bounds.maxMs ?? Number.MAX_SAFE_INTEGER;
  const expected = `a duration such as 90s, 5m or 1h30m${boundsInWords(minMs, bounds.maxMs)}`;
  return z
    .string()
    .transform((text, ctx): number => {
      const ms = parseDuration(text);
      if (ms !== undefined && ms >= minMs && ms <= maxMs) return ms;
      refuse(ctx, text, { expected, remedy: ms === undefined ? DURATION_REMEDY : WITHIN_BOUNDS });
      return z.NEVER;
    })
    .meta({ pattern: DURATION_PATTERN, format: 'duration-text' });
}

/** A size such as `2MiB` or `512kB`; bytes once parsed. */
export function byteSize(bounds: { readonly minBytes?: number; readonly maxBytes?: number } = {}) {
  const minBytes = bounds.minBytes ?? 0;
  const maxBytes = bounds.maxBytes ?? Number.MAX_SAFE_INTEGER;
  const limits = bounds.maxBytes === undefined ? '' : ` between ${minBytes} B and ${maxBytes} B`;
  return z
    .string()
    .transform((text, ctx): number => {
      const bytes = parseBytes(text);
      if (bytes !== undefined && bytes >= minBytes && bytes <= maxBytes) return bytes;
      const remedy = bytes === undefined ? SIZE_REMEDY : WITHIN_BOUNDS;
      refuse(ctx, text, { expected: `a size such as 2MiB${limits}`, remedy });
      return z.NEVER;
    })
    .meta({ pattern: BYTES_PATTERN, format: 'size-text' });
}

/**
 * A text that must never be printed: becomes a `Secret`. Its refusals never name the value. A reference behind it is
 * bound after validation (`bindSecret`), so that `refresh()` reads the file or variable again.
 */
export function secret(bounds: { readonly minBytes?: number } = {}) {
  const minBytes = bounds.minBytes ?? 1;
  const expected = minBytes > 1 ? `a secret of at least ${minBytes} bytes` : 'a secret text, not empty';
  return z
    .custom<string>((value) => typeof value === 'string' && Buffer.byteLength(value) >= minBytes, {
      params: {
        expected,
        remedy: 'refer to a file or variable: ${file:PATH} or ${env:NAME}',
        secret: true,
      },
    })
    .transform((value) => createBindableSecret(value, minBytes, expected))
    .meta({ type: 'string', format: 'secret' });
}

/** A node-cron expression: five fields, or six with seconds first. */
export function cron() {
  return z
    .string()
    .transform((text, ctx): string => {
      if (isCron(text)) return text;
      refuse(ctx, text, {
        expected: 'a cron expression of five fields, or six with seconds first',
        remedy: 'for example "*/5 * * * *" (every five minutes) or "*/20 * * * * *" (every twenty seconds)',
      });
      return z.NEVER;
    })
    .meta({ format: 'cron' });
}

/** A pattern where `*` stands for any run of characters and `?` for one. Matching is case-sensitive. */
export function glob() {
  return z.string().min(1).max(256).meta({ format: 'glob' });
}

/** A text that is not empty. */
export function text() {
  return z.string().min(1);
}

/** The name of an entry in a named map (an account, a sink): it appears in metrics, lanes and messages. */
export function entryName() {
  return z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/);
}

/** An absolute http or https address without a user, a query or a fragment; kept as text. */
export function httpUrl() {
  return z
    .string()
    .transform((value, ctx): string => {
      if (isPlainHttpUrl(value)) return value;
      refuse(ctx, value, {
        expected: 'an http or https URL without user, query or fragment',
        remedy: 'for example https://splunk.example.com:8088',
        secret: true,
      });
      return z.NEVER;
    })
    .meta({ format: 'uri' });
}

/** A whole number within bounds, inclusive. */
export function wholeNumber(min: number, max: number) {
  return z.int().min(min).max(max);
}

const readers = new WeakMap<Secret, { read: () => string }>();

/** Makes a secret's `refresh()` read through `read`. Returns false for a secret that did not come from `secret()`. */
export function bindSecret(value: Secret, read: () => string): boolean {
  const reader = readers.get(value);
  if (reader) reader.read = read;
  return reader !== undefined;
}

/** A refresh is held to the same rule as the first reading: a file caught half written must not become a token. */
function createBindableSecret(value: string, minBytes: number, expected: string): Secret {
  const reader = { read: () => value };
  const readFit = () => {
    const next = reader.read();
    if (Buffer.byteLength(next) >= minBytes) return next;
    const got = `${Buffer.byteLength(next)} bytes`;
    throw new UserError('secret_unfit', `Expected ${expected}, got ${got}; the earlier text stays in use`);
  };
  const made = new Secret(value, readFit);
  readers.set(made, reader);
  return made;
}

function isPlainHttpUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  const isHttp = url.protocol === 'https:' || url.protocol === 'http:';
  return isHttp && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}

function parseBytes(value: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)$/.exec(value.trim());
  const factor = BYTES_PER_UNIT[match?.[2] ?? ''];
  return match && factor !== undefined ? Math.round(Number(match[1]) * factor) : undefined;
}

function boundsInWords(minMs: number, maxMs: number | undefined): string {
  if (maxMs !== undefined) return `, from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  return minMs > 0 ? `, at least ${formatDuration(minMs)}` : '';
}

function refuse(ctx: z.core.$RefinementCtx, input: unknown, params: RefusalParams): void {
  ctx.issues.push({ code: 'custom', message: params.expected, input, params: { ...params } });
}
