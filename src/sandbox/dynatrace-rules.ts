import type { SentLogRecord, SentPoint } from './otlp-messages.ts';

/** Dynatrace's published windows and sizes (classic limits, without the opt-in ones). */
export const dynatraceLimits = {
  metricBytes: 4_000_000,
  metricPoints: 15_000,
  logBytes: 2_000_000,
  logRecords: 50_000,
  metricAgeMs: 3_600_000,
  logAgeMs: 24 * 3_600_000,
  futureMs: 600_000,
  dimensions: 50,
} as const;

const DIMENSION_KEY_CHARS = 100;
const DIMENSION_VALUE_CHARS = 255;
const ATTRIBUTE_BYTES = 32_768;
const ATTRIBUTES = 500;

/** What a point becomes, or why it is dropped. `changes` counts what was silently altered. */
export type JudgedPoint =
  | {
      readonly name: string;
      readonly unit: string;
      readonly type: 'gauge' | 'counter' | 'histogram';
      readonly attributes: Readonly<Record<string, string | number | boolean>>;
      readonly timeMs: number;
      readonly startMs: number;
      readonly value: SentPoint['value'];
      readonly changes: readonly string[];
    }
  | { readonly rejected: string };

export function judgePoint(point: SentPoint, nowMs: number): JudgedPoint {
  const rejected = unsupportedKind(point) ?? unfitPoint(point, nowMs);
  if (rejected !== undefined) return { rejected };
  const changes: string[] = [];
  const attributes = dimensionsOf(point, changes);
  let { timeMs } = point;
  if (timeMs > nowMs + dynatraceLimits.futureMs) {
    timeMs = nowMs + dynatraceLimits.futureMs;
    changes.push('timestamp_clamped');
  }
  return {
    name: metricKeyOf(point.metric.name),
    unit: point.metric.unit,
    type: typeOf(point),
    attributes,
    timeMs,
    startMs: point.startMs,
    value: point.value,
    changes,
  };
}

const CUMULATIVE = 2;

function unsupportedKind({ metric, temporality, monotonic }: SentPoint): string | undefined {
  const isCumulative = temporality === CUMULATIVE;
  if (metric.kind === 'summary') return 'UNSUPPORTED_METRIC_TYPE_SUMMARY';
  if (metric.kind === 'sum' && isCumulative && monotonic) {
    return 'UNSUPPORTED_METRIC_TYPE_MONOTONIC_CUMULATIVE_SUM';
  }
  const isHistogram = metric.kind === 'histogram' || metric.kind === 'exponentialHistogram';
  return isHistogram && isCumulative ? 'UNSUPPORTED_METRIC_TYPE_CUMULATIVE_HISTOGRAM' : undefined;
}

function unfitPoint(point: SentPoint, nowMs: number): string | undefined {
  if (point.timeMs < nowMs - dynatraceLimits.metricAgeMs) return 'TIMESTAMP_TOO_OLD';
  if (typeof point.value === 'number' && !Number.isFinite(point.value)) return 'INVALID_VALUE';
  if (point.metric.name.length < 2 || point.metric.name.length > 255) return 'INVALID_METRIC_KEY';
  return point.attributes.size > dynatraceLimits.dimensions ? 'TOO_MANY_DIMENSIONS' : undefined;
}

function typeOf({ metric, monotonic, temporality }: SentPoint): 'gauge' | 'counter' | 'histogram' {
  if (metric.kind === 'gauge') return 'gauge';
  if (metric.kind === 'sum') return monotonic || temporality !== CUMULATIVE ? 'counter' : 'gauge';
  return 'histogram';
}

function metricKeyOf(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]/g, '_').replace(/^[^A-Za-z]/, '_');
}

/** Dimensions as stored: keys lower-case and short, values cut; doubles and lists are dropped without a word. */
function dimensionsOf(point: SentPoint, changes: string[]): Record<string, string | number | boolean> {
  const dimensions: Record<string, string | number | boolean> = {};
  for (let count = 0; count < point.outerAttributes; count += 1) changes.push('outer_attribute_dropped');
  for (const [key, value] of point.attributes) {
    const stored = dimensionValue(value, changes);
    if (stored === undefined) {
      changes.push('dimension_dropped');
      continue;
    }
    const name = key
      .toLowerCase()
      .replaceAll(/[^a-z0-9._-]/g, '_')
      .slice(0, DIMENSION_KEY_CHARS);
    if (name !== key) changes.push('dimension_renamed');
    dimensions[name] = stored;
  }
  return dimensions;
}

function dimensionValue(value: unknown, changes: string[]): string | number | boolean | undefined {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  if (value.length <= DIMENSION_VALUE_CHARS) return value;
  changes.push('dimension_truncated');
  return value.slice(0, DIMENSION_VALUE_CHARS);
}

export interface StoredLogRecord {
  readonly timeMs: number;
  readonly observedMs: number;
  readonly severityText: string;
  readonly body: string;
  readonly eventName?: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** One record older than the window fails its whole batch. */
export function isTooOldLog(record: SentLogRecord, nowMs: number): boolean {
  return logTimeOf(record, nowMs) < nowMs - dynatraceLimits.logAgeMs;
}

/** What is silently altered when a record is stored. */
export function changesOfLog({ attributes }: SentLogRecord): readonly string[] {
  const changes: string[] = [];
  let position = 0;
  for (const value of attributes.values()) {
    position += 1;
    if (position <= ATTRIBUTES && typeof value === 'string' && isTooLong(value))
      changes.push('attribute_truncated');
  }
  if (position > ATTRIBUTES) changes.push('attribute_dropped');
  return changes;
}

export function storeLog(record: SentLogRecord, nowMs: number): StoredLogRecord {
  const attributes: Record<string, unknown> = {};
  for (const [key, value] of [...record.attributes].slice(0, ATTRIBUTES)) {
    attributes[key] = storedAttribute(value);
  }
  return {
    timeMs: logTimeOf(record, nowMs),
    observedMs: record.observedMs,
    severityText: record.severityText === '' ? 'NONE' : record.severityText,
    body: typeof record.body === 'string' ? record.body : JSON.stringify(plain(record.body)),
    ...(record.eventName === '' ? {} : { eventName: record.eventName }),
    attributes,
  };
}

function logTimeOf(record: SentLogRecord, nowMs: number): number {
  return record.timeMs || record.observedMs || nowMs;
}

/** One attribute as `storeLog` stores it. */
export function storedAttributeOf({ attributes }: SentLogRecord, key: string): unknown {
  const isDropped = attributes.size > ATTRIBUTES && [...attributes.keys()].indexOf(key) >= ATTRIBUTES;
  return isDropped ? undefined : storedAttribute(attributes.get(key));
}

function storedAttribute(value: unknown): unknown {
  const stored = plain(value);
  if (typeof stored !== 'string' || !isTooLong(stored)) return stored;
  return Buffer.from(stored).subarray(0, ATTRIBUTE_BYTES).toString();
}

/** A character takes at most three bytes, so most need no counting. */
function isTooLong(text: string): boolean {
  return text.length * 3 > ATTRIBUTE_BYTES && Buffer.byteLength(text) > ATTRIBUTE_BYTES;
}

/** Bigints of decoded attributes as numbers, all the way down. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
