import type { MetricRecord } from '../../model/metric-record.ts';
import { copyFields } from './copy-fields.ts';
import { inside, quote } from './json-members.ts';
import { METRIC_FIELDS } from './splunk-fields.ts';

const metricMembers = copyFields(METRIC_FIELDS);

/** One point as a searchable event: its statistics are fields named in lower case (`p99`, `average`, `samplecount`). */
export function metricEvent(record: MetricRecord): string {
  return `{${inside(identity(record) + statistics(record, (statistic) => statistic.toLowerCase()))}}`;
}

/**
 * The same point as `fields` of HEC's metrics form (several metrics in one envelope, Splunk 8.0 and later): every key
 * that is not `metric_name:…` is a dimension.
 */
export function metricFields(record: MetricRecord): string {
  const base = `metric_name:apigateway.${record.metricName.toLowerCase()}`;
  const values = statistics(record, (statistic) => `${base}.${statistic.toLowerCase()}`);
  return `{${inside(identity(record) + values)}}`;
}

function identity(record: MetricRecord): string {
  return metricMembers(record, quote) + dimensions(record);
}

/** CloudWatch's own dimensions under their own names: what makes one series differ from another. */
function dimensions(record: MetricRecord): string {
  let members = '';
  for (const [name, value] of Object.entries(record.dimensions)) {
    members += `,${JSON.stringify(`dimension_${name}`)}:${JSON.stringify(value)}`;
  }
  return members;
}

function statistics(record: MetricRecord, nameOf: (statistic: string) => string): string {
  let members = '';
  for (const [statistic, value] of Object.entries(record.values)) {
    if (Number.isFinite(value)) members += `,${JSON.stringify(nameOf(statistic))}:${value}`;
  }
  return members;
}
