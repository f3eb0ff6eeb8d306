import type { AlarmFiles } from '../../alarms/format/load-alarm-files.ts';
import { createSignalSink } from '../../alarms/publishing/signal-sink.ts';
import type { AwsClientsSettings } from '../../aws/aws-clients.ts';
import { createMetricPublisher } from '../../aws/metric-publisher.ts';
import type { GatewatchConfig } from '../../config/gatewatch-config.ts';
import type { StageInventory } from '../../model/inventory.ts';
import type { Sink } from '../../model/sink.ts';

/** One sink when signals are to be published, none otherwise: then nothing of it costs anything. */
export function signalSinks(
  { alarms: { publish } }: Pick<GatewatchConfig, 'alarms'>,
  settings: AwsClientsSettings,
  stages: () => readonly StageInventory[] | undefined,
): readonly Sink[] {
  if (publish.length === 0) return [];
  const { clock } = settings;
  return [createSignalSink({ signals: publish, publisher: createMetricPublisher(settings), stages, clock })];
}

/** Alarms on a signal that the worker publishes itself read its metric, and need no metric filter. */
export function withPublished(files: AlarmFiles, { alarms }: Pick<GatewatchConfig, 'alarms'>): AlarmFiles {
  return { ...files, published: new Set(alarms.publish) };
}
