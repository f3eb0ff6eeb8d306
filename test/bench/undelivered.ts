/**
 * `node --disable-warning=ExperimentalWarning test/bench/undelivered.ts [rows]`: rows are committed while one HEC never
 * answers and an OTLP endpoint takes all. Prints the most memory that was held, and what is delivered.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepHeapSmall } from '../../src/cli/worker/heap-size.ts';
import { createSteeredClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { silentMeter } from '../../src/core/meter.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Journal } from '../../src/model/journal.ts';
import { Circuits } from '../../src/pipeline/circuit.ts';
import { defaultLaneSettings } from '../../src/pipeline/drain-lane.ts';
import { createLaneSet } from '../../src/pipeline/lane-set.ts';
import { createDynatraceOtlpSink } from '../../src/sinks/dynatrace/dynatrace-otlp-sink.ts';
import { createDynatraceOtlpSettings } from '../../src/sinks/dynatrace/otlp-settings.ts';
import { createSplunkHecSettings } from '../../src/sinks/splunk/hec-settings.ts';
import { createSplunkHecSink } from '../../src/sinks/splunk/splunk-hec-sink.ts';
import { openJournal } from '../../src/store/open-journal.ts';
import { NOW_MS, requestRecord } from '../sinks/entries.ts';
import { measure } from './measure.ts';

const ROWS_PER_COMMIT = 1_000;
const LOG_LINE = JSON.stringify({
  level: 'INFO',
  message: 'authorization decision',
  detail: 'x'.repeat(600),
});

const rows = Number(process.argv[2] ?? 200_000);
keepHeapSmall();
const silent = await listen(() => undefined);
const taking = await listen((response) => response.writeHead(200).end());
const folder = mkdtempSync(join(tmpdir(), 'gatewatch-undelivered-'));
const parts = {
  clock: createSteeredClock(() => NOW_MS),
  logger: silentLogger,
  meter: silentMeter,
  random: Math.random,
};
const journal = await openJournal({ ...parts, path: join(folder, 'undelivered.db'), owner: 'bench' });
const token = new Secret('t');
const sinks = [
  createSplunkHecSink({
    ...parts,
    name: 'splunk',
    settings: createSplunkHecSettings({ url: silent.url, token }),
  }),
  createDynatraceOtlpSink({
    ...parts,
    name: 'dynatrace',
    settings: createDynatraceOtlpSettings({ url: taking.url, token }),
  }),
];
const settings = defaultLaneSettings;
const circuits = new Circuits({ ...parts, settings });
const { live } = createLaneSet(sinks, { ...parts, journal, settings, circuits });
for (const lane of live) await lane.start();
const stop = new AbortController();
const running = live.map((lane) => lane.run(stop.signal));
const healthy = live.find(({ id }) => id.name === 'dynatrace/records/live');

const measured = await measure(async () => {
  await commit(journal);
  while ((healthy?.status.cursor ?? 0) < rows) await parts.clock.sleep(50);
  return { events: rows, notes: {}, faults: [] };
});
process.stdout.write(
  `${rows} rows  peak ${measured.peakRssMb.toFixed(0)} MB  ${measured.cpuSeconds.toFixed(1)} CPU s  ${live
    .filter(({ id }) => id.stream === 'records')
    .map(({ id, status }) => `${id.sink} ${status.counts.accepted}`)
    .join(', ')}\n`,
);

stop.abort(new Error('done'));
await Promise.all(running);
for (const sink of sinks) await sink.close();
await journal.close();
for (const { server } of [silent, taking]) {
  server.closeAllConnections();
  server.close();
}
rmSync(folder, { recursive: true });

async function commit(to: Journal): Promise<void> {
  let expectedVersion = 0;
  for (let first = 0; first < rows; first += ROWS_PER_COMMIT) {
    const records = Array.from({ length: Math.min(ROWS_PER_COMMIT, rows - first) }, (_, n) =>
      requestRecord(first + n, { eventMs: NOW_MS - 60_000, authorizerLog: [LOG_LINE] }),
    );
    const result = await to.commitWindow({
      unit: 'bench',
      epoch: to.epoch,
      expectedVersion,
      seen: [],
      records,
      state: [],
      gaps: [],
      nowMs: NOW_MS,
    });
    if (result.kind === 'fenced') throw new Error(result.reason);
    expectedVersion = result.version;
    for (const lane of live) lane.wake();
    await parts.clock.sleep(0);
  }
}

/** Takes whatever is sent; `answer` decides whether anything comes back. */
async function listen(
  answer: (response: ServerResponse) => void,
): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => answer(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Expected a port');
  return { server, url: `http://127.0.0.1:${address.port}` };
}
