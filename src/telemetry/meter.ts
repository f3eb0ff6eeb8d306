import type { MetricOptions, Meter as OtelMeter } from '@opentelemetry/api';
import type { Meter, MetricLabels } from '../core/meter.ts';
import { metricHelp } from './metric-help.ts';

/** Told once for each name whose measurement had to be left out. */
export type RefuseMetric = (name: string, why: string) => void;

type Record = (value: number, labels?: MetricLabels) => void;
type Kind = 'counter' | 'gauge' | 'histogram';

interface Instrument {
  readonly kind: Kind;
  readonly record: Record;
}

/** Upper bounds, milliseconds: from a local commit to a request that ran into its deadline. */
const MS_BUCKETS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000];
/** Upper bounds, bytes: from one event to the largest body a destination takes. */
const BYTE_BUCKETS = [
  256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 2_097_152, 4_194_304, 16_777_216,
];

/**
 * Our meter over OpenTelemetry's. Instruments are made when first used. A measurement that would spoil the page (a name
 * Prometheus would change, one name in two meanings, a value that is no number) is left out and told once: a fault in
 * counting never stops the work.
 */
export function createMeter(otel: OtelMeter, refuse: RefuseMetric): Meter {
  const instruments = new Map<string, Instrument>();
  const refused = new Set<string>();
  const use = (kind: Kind, name: string, value: number, labels?: MetricLabels): void => {
    const known = instruments.get(name);
    const why = known === undefined ? nameFault(kind, name) : kindFault(known.kind, kind);
    const fault = why ?? valueFault(kind, value);
    if (fault !== undefined) {
      if (!refused.has(name)) refuse(name, fault);
      refused.add(name);
      return;
    }
    const instrument = known ?? createInstrument(otel, kind, name);
    instruments.set(name, instrument);
    instrument.record(value, labels);
  };
  return {
    count: (name, value, labels) => use('counter', name, value, labels),
    gauge: (name, value, labels) => use('gauge', name, value, labels),
    observe: (name, value, labels) => use('histogram', name, value, labels),
  };
}

function createInstrument(otel: OtelMeter, kind: Kind, name: string): Instrument {
  const unit = unitOf(name);
  const options: MetricOptions = { description: metricHelp(name), ...(unit === undefined ? {} : { unit }) };
  switch (kind) {
    case 'counter': {
      const counter = otel.createCounter(name, options);
      return { kind, record: (value, labels) => counter.add(value, labels) };
    }
    case 'gauge': {
      const gauge = otel.createGauge(name, options);
      return { kind, record: (value, labels) => gauge.record(value, labels) };
    }
    case 'histogram': {
      const explicitBucketBoundaries = unit === 'By' ? BYTE_BUCKETS : MS_BUCKETS;
      const histogram = otel.createHistogram(name, { ...options, advice: { explicitBucketBoundaries } });
      return { kind, record: (value, labels) => histogram.record(value, labels) };
    }
  }
}

/** Units as UCUM writes them, from the end of the name; counts have none. */
function unitOf(name: string): string | undefined {
  const stem = name.replace(/_total$/, '');
  if (stem.endsWith('_ms')) return 'ms';
  return stem.endsWith('_bytes') ? 'By' : undefined;
}

function nameFault(kind: Kind, name: string): string | undefined {
  if (!/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name)) return 'expected lower-case words joined by underscores';
  if ((kind === 'counter') !== name.endsWith('_total')) {
    return 'expected the names of counters, and of nothing else, to end in _total';
  }
  if (kind === 'histogram' && unitOf(name) === undefined) return 'expected the name to end in _ms or _bytes';
  return undefined;
}

function kindFault(known: Kind, asked: Kind): string | undefined {
  return known === asked ? undefined : `expected a ${known} as before, got a ${asked}`;
}

function valueFault(kind: Kind, value: number): string | undefined {
  if (!Number.isFinite(value)) return `expected a finite number, got ${value}`;
  if (kind === 'counter' && value < 0) return `expected a counter to grow, got ${value}`;
  return undefined;
}
