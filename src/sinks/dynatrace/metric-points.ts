import { type Attributes, ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type GaugeMetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { sha256Hex } from '../../core/hash.ts';
import type { JournalEntry } from '../../model/journal.ts';
import type { MetricRecord } from '../../model/metric-record.ts';
import type { Piece } from '../pack-bodies.ts';
import { hrTime, RESOURCE, SCOPE } from './resource.ts';

export interface GaugePoint {
  readonly key: string;
  readonly unit: string;
  readonly point: DataPoint<number>;
}

/** All statistics of one metric record: they go out together or not at all. */
export interface MetricPiece extends Piece {
  readonly eventMs: number;
  readonly points: readonly GaugePoint[];
}

/** Dynatrace cuts a dimension value here; two series whose names differ only beyond it would become one. */
const MAX_DIMENSION_CHARS = 255;

/** Protobuf around the attributes of one point: times, value, tags. */
const POINT_OVERHEAD_BYTES = 40;

export function metricPiece(entry: JournalEntry, record: MetricRecord, prefix: string): MetricPiece {
  const attributes = metricDimensions(record);
  const time = hrTime(record.eventMs);
  const points: GaugePoint[] = [];
  for (const [statistic, value] of Object.entries(record.values)) {
    // NaN would serialise without complaint and be refused there.
    if (!Number.isFinite(value)) continue;
    const point = { startTime: time, endTime: time, attributes, value };
    points.push({ key: metricKey(prefix, record.metricName, statistic), unit: record.unit, point });
  }
  const bytes = points.length * (POINT_OVERHEAD_BYTES + attributeBytes(attributes));
  return { seq: entry.seq, eventMs: record.eventMs, bytes, points };
}

/** `gatewatch.apigateway.integrationlatency.p99`. A percentile is a gauge of its own: never average it, take the highest. */
export function metricKey(prefix: string, metricName: string, statistic: string): string {
  const clean = (text: string) => text.toLowerCase().replace(/[^a-z0-9._-]/g, '_');
  return `${prefix}.${clean(metricName)}.${clean(statistic)}`;
}

/**
 * Every dimension on the point, keys in lower case. `cloudwatch_dimensions` names the exact set (`ApiName,Stage`): the
 * same request counts in the series of the API and in that of its stage, and only this tells the two apart.
 */
export function metricDimensions(record: MetricRecord): Attributes {
  const attributes: Attributes = {
    'aws.account.id': record.account,
    'aws.region': record.region,
    namespace: record.namespace,
    protocol: record.protocol,
    period_s: record.periodS,
    cloudwatch_dimensions: Object.keys(record.dimensions).sort().join(','),
  };
  for (const [name, value] of Object.entries(record.dimensions))
    attributes[dimensionKey(name)] = withinLimit(value);
  if (record.apiId !== undefined) attributes.api_id = withinLimit(record.apiId);
  if (record.apiName !== undefined) attributes.api_name = withinLimit(record.apiName);
  return attributes;
}

/** `ApiName` → `api_name`: Dynatrace takes `[a-z][a-z0-9._-]*` only. */
export function dimensionKey(name: string): string {
  const snake = name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
  return snake.replace(/[^a-z0-9._-]/g, '_').replace(/^[^a-z]+/, '') || 'dimension';
}

function withinLimit(value: string): string {
  if (value.length <= MAX_DIMENSION_CHARS) return value;
  return `${value.slice(0, MAX_DIMENSION_CHARS - 17)}~${sha256Hex(value).slice(0, 16)}`;
}

function attributeBytes(attributes: Attributes): number {
  let bytes = 0;
  for (const [key, value] of Object.entries(attributes)) {
    bytes += key.length + Buffer.byteLength(String(value)) + 8;
  }
  return bytes;
}

/** One request: points of one key under one gauge. */
export function resourceMetrics(pieces: readonly MetricPiece[]): ResourceMetrics {
  const byKey = new Map<string, { readonly unit: string; readonly points: DataPoint<number>[] }>();
  for (const { points } of pieces) {
    for (const { key, unit, point } of points) {
      const group = byKey.get(key) ?? { unit, points: [] };
      if (group.points.length === 0) byKey.set(key, group);
      group.points.push(point);
    }
  }
  const metrics = [...byKey].map(([key, group]) => gauge(key, group.unit, group.points));
  return { resource: RESOURCE, scopeMetrics: [{ scope: SCOPE, metrics }] };
}

function gauge(name: string, unit: string, dataPoints: DataPoint<number>[]): GaugeMetricData {
  return {
    descriptor: { name, description: '', unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.DELTA,
    dataPointType: DataPointType.GAUGE,
    dataPoints,
  };
}
