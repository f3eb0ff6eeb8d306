import {
  API_GATEWAY_NAMESPACE,
  type DimensionLevel,
  METRICS,
  type MetricRow,
  publishedApiName,
} from '../../catalog/metrics.ts';
import type { Inventory, StageInventory } from '../../model/inventory.ts';
import type { MetricSeries } from '../../model/metric-record.ts';
import type { MetricsSettings } from './metrics-settings.ts';

/**
 * The series to read: one for each metric of each watched stage, and for the other levels that are set. Two REST APIs of
 * one name share their series, which then names no API id.
 */
export function metricSeriesFor(
  inventory: Pick<Inventory, 'stages'>,
  settings: Pick<MetricsSettings, 'statistics' | 'levels' | 'periodMs'>,
): MetricSeries[] {
  const byKey = new Map<string, MetricSeries>();
  for (const stage of inventory.stages) {
    for (const row of metricsOf(stage)) {
      for (const series of seriesOf(stage, row, settings)) {
        const key = seriesKey(series);
        const known = byKey.get(key);
        byKey.set(key, known ? withoutForeignId(known, series) : series);
      }
    }
  }
  return [...byKey.values()];
}

/** Identity of a series: account, Region and exact dimension set. */
export function seriesKey(
  series: Pick<MetricSeries, 'account' | 'region' | 'namespace' | 'metricName' | 'dimensions' | 'periodS'>,
): string {
  const dimensions = Object.entries(series.dimensions)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(',');
  const { account, region, namespace, metricName, periodS } = series;
  return ['metric', account, region, namespace, metricName, dimensions, periodS].join('\n');
}

/** Cache metrics exist only where there is a cache; asking for them elsewhere is billed all the same. */
function metricsOf(stage: StageInventory): MetricRow[] {
  return METRICS.filter(
    (row) => row.protocol === stage.protocol && (row.kind !== 'cache' || stage.cacheEnabled === true),
  );
}

function seriesOf(
  stage: StageInventory,
  row: MetricRow,
  settings: Pick<MetricsSettings, 'statistics' | 'levels' | 'periodMs'>,
): MetricSeries[] {
  return settings.levels.flatMap((level) =>
    dimensionValues(stage, level).map((values) => ({
      account: stage.account,
      region: stage.region,
      namespace: API_GATEWAY_NAMESPACE,
      metricName: row.name,
      dimensions: pick(values, row.dimensions[level]),
      protocol: stage.protocol,
      apiId: stage.apiId,
      apiName: stage.apiName,
      ...(level === 'api' ? {} : { stage: stage.stage }),
      periodS: settings.periodMs / 1_000,
      statistics: settings.statistics[row.kind],
      unit: row.unit,
    })),
  );
}

type Values = Readonly<Record<string, string>>;

/** Dimension values of a stage at one level: one set, or for `detailed` one for each method or route that is listed. */
function dimensionValues(stage: StageInventory, level: DimensionLevel): Values[] {
  const base = {
    ApiName: publishedApiName(stage.apiName, stage.apiId),
    ApiId: stage.apiId,
    Stage: stage.stage,
  };
  if (level !== 'detailed') return [base];
  if (!stage.detailedMetrics) return [];
  return Object.keys(stage.routes).map((route) => ({ ...base, ...routeValues(route) }));
}

/** `GET /orders/{id}` is a method and a resource; a route key without a method (`$default`) is its own resource. */
function routeValues(route: string): Values {
  const space = route.indexOf(' ');
  return space < 0
    ? { Route: route, Method: route, Resource: route }
    : { Route: route, Method: route.slice(0, space), Resource: route.slice(space + 1) };
}

function pick(values: Values, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, values[name] ?? '']));
}

function withoutForeignId(known: MetricSeries, other: MetricSeries): MetricSeries {
  if (known.apiId === other.apiId) return known;
  const { apiId: _, ...shared } = known;
  return shared;
}
