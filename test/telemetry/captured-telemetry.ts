import { createTelemetry, type Telemetry, type TelemetrySettings } from '../../src/telemetry/telemetry.ts';

export const AT_MS = Date.UTC(2026, 6, 1, 12, 0, 0);

/** Telemetry whose log lines are kept; the caller shuts it down. */
export function captureTelemetry(settings: Partial<TelemetrySettings> = {}): {
  readonly telemetry: Telemetry;
  readonly lines: string[];
} {
  const lines: string[] = [];
  const telemetry = createTelemetry({
    version: '1.2.3',
    instanceId: 'worker-1',
    clock: { now: () => AT_MS },
    logLevel: 'debug',
    logDestination: { write: (line) => void lines.push(line) },
    ...settings,
  });
  return { telemetry, lines };
}
