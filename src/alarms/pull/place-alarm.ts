import { API_GATEWAY_NAMESPACE, publishedApiName } from '../../catalog/metrics.ts';
import type { StageInventory } from '../../model/inventory.ts';
import type { JsonValue, ObservedResource } from '../../model/managed-resource.ts';
import { isMap } from '../format/layers.ts';
import type { MetricRef } from '../portable-metrics.ts';
import { signalOfMetric } from '../signal-rule.ts';

/** An alarm, and the stage it is about. `whole`: of all stages of its API, so any of them may hold it. */
export type Placed =
  | { readonly kind: 'placed'; readonly stage: StageInventory; readonly whole: boolean }
  | { readonly kind: 'nowhere'; readonly why: string };

/** Metrics an alarm reads: its own, or those of its metric math. */
export function metricsOf({ properties }: ObservedResource): readonly MetricRef[] {
  const { Namespace, MetricName, Dimensions, Metrics } = properties;
  if (typeof MetricName === 'string') return [metricFrom({ Namespace, MetricName, Dimensions })];
  return (Array.isArray(Metrics) ? Metrics : []).flatMap((query) => {
    const stat = isMap(query) ? query.MetricStat : undefined;
    const metric = isMap(stat) ? stat.Metric : undefined;
    return isMap(metric) ? [metricFrom(metric)] : [];
  });
}

function metricFrom(metric: Readonly<Record<string, JsonValue | undefined>>): MetricRef {
  const list = Array.isArray(metric.Dimensions) ? metric.Dimensions : [];
  return {
    namespace: String(metric.Namespace ?? ''),
    metricName: String(metric.MetricName ?? ''),
    dimensions: Object.fromEntries(
      list.flatMap((one) => (isMap(one) ? [[String(one.Name), String(one.Value)]] : [])),
    ),
  };
}

export function isAboutApis(metric: MetricRef): boolean {
  return metric.namespace === API_GATEWAY_NAMESPACE || signalOfMetric(metric) !== undefined;
}

/** The stage that every metric of the alarm is about. */
export function placeMetricAlarm(alarm: ObservedResource, stages: readonly StageInventory[]): Placed {
  const here = stages.filter(
    ({ account, region }) => account === alarm.key.account && region === alarm.key.region,
  );
  const metrics = metricsOf(alarm).filter(isAboutApis);
  if (metrics.length === 0) return { kind: 'nowhere', why: 'it reads no metric of API Gateway' };
  const fitting = here.filter((stage) => metrics.every((metric) => isAbout(metric, stage)));
  const [first, ...more] = fitting;
  if (first === undefined) {
    const words = metrics.map(({ dimensions }) => Object.values(dimensions).join('/')).join(', ');
    return { kind: 'nowhere', why: `no stage of this inventory is ${words || 'what it reads'}` };
  }
  const apis = new Set(fitting.map(({ apiId }) => apiId));
  if (apis.size > 1) return { kind: 'nowhere', why: `several APIs are called ${first.apiName}` };
  return { kind: 'placed', stage: first, whole: more.length > 0 };
}

/** A metric without `Stage` is about every stage of its API. */
function isAbout(metric: MetricRef, stage: StageInventory): boolean {
  const signal = signalOfMetric(metric);
  if (signal !== undefined) return signal.apiId === stage.apiId && signal.stage === stage.stage;
  const { ApiName, ApiId, Stage } = metric.dimensions;
  if (Stage !== undefined && Stage !== stage.stage) return false;
  return stage.protocol === 'REST'
    ? ApiName === publishedApiName(stage.apiName, stage.apiId)
    : ApiId === stage.apiId;
}
