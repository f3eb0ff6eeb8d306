import { PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { type AlarmCall, type AlarmScope, createAlarmScope } from './alarm-scope.ts';
import type { AwsClientsSettings } from './aws-clients.ts';

/** Values of one metric in one minute. */
export interface MetricDatum {
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly atMs: number;
  /** Each value with how often it occurred: percentiles stay exact. At most 150 of them. */
  readonly values: readonly (readonly [value: number, count: number])[];
  readonly unit: 'Count' | 'Milliseconds';
}

/** Writes metrics of our own. Faults are told as in `AwsClients`. What is sent twice counts twice: CloudWatch adds it up. */
export interface MetricPublisher {
  /** At most a thousand data. CloudWatch takes all of a call or nothing. */
  put(call: AlarmCall & { readonly namespace: string; readonly data: readonly MetricDatum[] }): Promise<void>;
  close(): void;
}

export function createMetricPublisher(settings: AwsClientsSettings): MetricPublisher {
  const scopes = new Map<string, AlarmScope>();
  return {
    put: async (call) => {
      const key = `${call.account}/${call.region}`;
      const scoped = scopes.get(key) ?? createAlarmScope(call, settings);
      scopes.set(key, scoped);
      const command = new PutMetricDataCommand({
        Namespace: call.namespace,
        MetricData: call.data.map(({ metricName, dimensions, atMs, values, unit }) => ({
          MetricName: metricName,
          Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
          Timestamp: new Date(atMs),
          Values: values.map(([value]) => value),
          Counts: values.map(([, count]) => count),
          Unit: unit,
        })),
      });
      const note = scoped.note(call, 'PutMetricData', 'PutMetricData', `namespace ${call.namespace}`);
      await scoped.calls.send(command, (sent, options) => scoped.cloudWatch.send(sent, options), note);
    },
    close: () => {
      for (const scoped of scopes.values()) scoped.close();
    },
  };
}
