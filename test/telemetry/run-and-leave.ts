/** Run as a process of its own: uses telemetry, shuts it down, and leaves the end of the process to the event loop. */
import { createTelemetry } from '../../src/telemetry/telemetry.ts';

const [url] = process.argv.slice(2);
const telemetry = createTelemetry({
  version: '1.2.3',
  instanceId: 'worker-1',
  clock: { now: () => 0 },
  logLevel: 'warn',
  logDestination: 'stderr',
  ...(url === undefined ? {} : { otlp: { url, headers: {} } }),
});
telemetry.meter.count('gatewatch_lane_accepted_total', 1);
await telemetry.tracer.span('read window', {}, () => Promise.resolve());
const startedMs = performance.now();
await telemetry.shutdown();
const tookMs = performance.now() - startedMs;
process.on('exit', () => {
  process.stdout.write(JSON.stringify({ tookMs, lingeredMs: performance.now() - startedMs - tookMs }));
});
