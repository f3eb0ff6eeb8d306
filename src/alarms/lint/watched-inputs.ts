import { isObject } from '../../core/json.ts';
import type { AlarmInput, AlarmInstance } from '../alarm-instance.ts';

export type WatchedInput = Pick<AlarmInput, 'id' | 'metric' | 'statistic' | 'portable'>;

/** The metrics an alarm reads, also of one whose `Metrics` were written by hand. */
export function watchedInputs({ model, resource }: AlarmInstance): readonly WatchedInput[] {
  if (model.kind === 'metric') return model.inputs;
  const { Metrics } = resource.properties;
  return (Array.isArray(Metrics) ? Metrics : []).flatMap((query) => {
    const stat = isObject(query) ? query.MetricStat : undefined;
    if (!isObject(query) || !isObject(stat) || !isObject(stat.Metric)) return [];
    const { Namespace, MetricName, Dimensions } = stat.Metric;
    const dimensions = (Array.isArray(Dimensions) ? Dimensions : []).flatMap((one) =>
      isObject(one) ? [[String(one.Name), String(one.Value)] as const] : [],
    );
    return [
      {
        id: String(query.Id),
        statistic: String(stat.Stat),
        metric: {
          namespace: String(Namespace),
          metricName: String(MetricName),
          dimensions: Object.fromEntries(dimensions),
        },
      },
    ];
  });
}

/** `5XXError of orders/prod`. */
export function inputName({ metric }: WatchedInput): string {
  const of = Object.values(metric.dimensions).join('/');
  return of === '' ? metric.metricName : `${metric.metricName} of ${of}`;
}

/** Expressions of an alarm whose `Metrics` were written by hand. */
export function handWrittenMath({ model, resource }: AlarmInstance): readonly string[] {
  const { Metrics } = resource.properties;
  if (model.kind !== 'opaque' || !Array.isArray(Metrics)) return [];
  return Metrics.flatMap((query) =>
    isObject(query) && typeof query.Expression === 'string' ? [query.Expression] : [],
  );
}
