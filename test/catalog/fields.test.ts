import { describe, expect, it } from 'vitest';
import { FIELDS } from '../../src/catalog/fields.ts';
import type { RECORD_FIELDS } from '../../src/catalog/record-fields.ts';
import type { REQUEST_FIELDS } from '../../src/catalog/request-fields.ts';
import { fieldsMarkdown } from '../../src/cli/commands/fields.ts';
import type { AlarmRecord } from '../../src/model/alarm-record.ts';
import type { MetricRecord } from '../../src/model/metric-record.ts';
import type { RequestRecord, UnparsedRecord } from '../../src/model/request-record.ts';

type Row = (typeof RECORD_FIELDS)[number] | (typeof REQUEST_FIELDS)[number];
type NamesOf<Kind, R = Row> = R extends { of: infer Of extends readonly string[]; name: infer Name }
  ? Kind extends Of[number]
    ? Name
    : never
  : never;
type Same<A, B> = [Exclude<A, B>, Exclude<B, A>] extends [never, never]
  ? true
  : [Exclude<A, B>, Exclude<B, A>];

describe('the field dictionary', () => {
  it('has a row for every field of every record and no other, which the compiler checks', () => {
    const request: Same<keyof RequestRecord, NamesOf<'request'>> = true;
    const unparsed: Same<keyof UnparsedRecord, NamesOf<'unparsed'>> = true;
    const metric: Same<keyof MetricRecord, NamesOf<'metric'>> = true;
    const alarm: Same<keyof AlarmRecord, NamesOf<'alarm'>> = true;
    expect([request, unparsed, metric, alarm]).toEqual([true, true, true, true]);
  });

  it('prints as it always did', async () => {
    await expect(fieldsMarkdown()).toMatchFileSnapshot('fields.golden.md');
  });

  it('names each field and each CSV column once', () => {
    expect(new Set(FIELDS.map((field) => field.name)).size).toBe(FIELDS.length);
    expect(new Set(FIELDS.map((field) => field.csv)).size).toBe(FIELDS.length);
    expect(FIELDS.map((field) => field.csv).filter((csv) => !/^[a-z][a-z0-9_]*$/.test(csv))).toEqual([]);
  });

  it('uses the names that the CIM models and the OpenTelemetry conventions require', () => {
    const named = new Map<string, (typeof FIELDS)[number]>(FIELDS.map((field) => [field.name, field]));
    expect(named.get('status')).toMatchObject({
      splunkWeb: ['status', 'action'],
      dynatrace: 'http.response.status_code',
    });
    expect(named.get('principal')).toMatchObject({
      splunkWeb: ['user'],
      splunkAuthentication: ['user'],
      redaction: 'pseudonym',
    });
    expect(named.get('userAgent')).toMatchObject({
      splunkWeb: ['http_user_agent', 'http_user_agent_length'],
      dynatrace: 'user_agent.original',
    });
    expect(named.get('responseLatencyMs')).toMatchObject({ unit: 'ms', splunkWeb: ['response_time'] });
  });

  it('gives Dynatrace lower-case names that are no reserved log level', () => {
    const names = FIELDS.flatMap((field) =>
      [field.dynatrace, field.dynatraceMetric].filter((name) => name !== undefined),
    );
    expect(names.filter((name) => !/^[a-z][a-z0-9._*]*$/.test(name))).toEqual([]);
    expect(names).not.toContain('status');
    expect(names).not.toContain('severity');
  });

  it('never sets a Splunk field that the identity look-up of Enterprise Security owns', () => {
    const names = FIELDS.flatMap((field) => [
      ...(field.splunkWeb ?? []),
      ...(field.splunkAuthentication ?? []),
    ]);
    expect(names.filter((name) => /_(?:bunit|category|priority)$/.test(name))).toEqual([]);
  });
});
