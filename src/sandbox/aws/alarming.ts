import type { World } from '../world.ts';
import { AlarmEngine, type ReadMetric } from './alarm-engine.ts';
import { AlarmStore } from './alarm-store.ts';
import { seriesKey } from './cloudwatch-model.ts';
import { MetricFilters } from './metric-filter-store.ts';
import { MuteRules } from './mute-rule-store.ts';
import { PublishedMetrics } from './published-metrics.ts';
import { SnsLog, type Topic } from './sns.ts';

export interface Alarming {
  readonly alarms: AlarmStore;
  readonly alarmEngine: AlarmEngine;
  readonly metricFilters: MetricFilters;
  readonly publishedMetrics: PublishedMetrics;
  readonly muteRules: MuteRules;
  readonly sns: SnsLog;
}

/** Alarms, metric filters and topics of one sandbox, evaluated on the metrics it shows. */
export function createAlarming(settings: { world: World; topics?: readonly Topic[] }): Alarming {
  const { world } = settings;
  const alarms = new AlarmStore();
  const metricFilters = new MetricFilters();
  const publishedMetrics = new PublishedMetrics();
  const mutes = new MuteRules();
  const sns = new SnsLog(settings.topics ?? defaultTopics(world));
  const byKey = new Map(world.series.map((series) => [seriesKey(series), series]));
  const read: ReadMetric = ({ account, region }, metric, { startMs, periodMs }, nowMs) => {
    const series = byKey.get(seriesKey({ account, region, ...metric }));
    const toMs = startMs + periodMs;
    const span = { fromMs: startMs, toMs, periodMs };
    const place = { account, region };
    const points =
      series === undefined
        ? (publishedMetrics.points(place, metric, span) ?? metricFilters.points(place, metric, span, nowMs))
        : world.points(series, metric.stat, periodMs / 1_000, startMs, toMs, nowMs);
    return points?.[0]?.value;
  };
  const alarmEngine = new AlarmEngine({ store: alarms, read, sns, mutes });
  return { alarms, metricFilters, publishedMetrics, muteRules: mutes, sns, alarmEngine };
}

/** One with somebody behind it, one with nobody: a page that reaches no one is worth finding. */
function defaultTopics(world: World): readonly Topic[] {
  return world.accounts.flatMap(({ accountId, regions }) =>
    regions.flatMap((region) => [
      { arn: `arn:aws:sns:${region}:${accountId}:oncall`, subscribers: ['oncall@bank.example'] },
      { arn: `arn:aws:sns:${region}:${accountId}:backlog`, subscribers: ['backlog@bank.example'] },
      { arn: `arn:aws:sns:${region}:${accountId}:unheard`, subscribers: [] },
    ]),
  );
}
