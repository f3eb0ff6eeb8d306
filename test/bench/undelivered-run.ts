/** The worker's part of `undelivered.ts`, in a process of its own: a journal, its lanes and two sinks. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepHeapSmall } from '../../src/cli/worker/heap-size.ts';
import { createSteeredClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { silentMeter } from '../../src/core/meter.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Journal } from '../../src/model/journal.ts';
import { Circuits } from '../../src/pipeline/circuit.ts';
import { defaultLaneSettings, type LaneDrain } from '../../src/pipeline/drain-lane.ts';
import { createLaneSet } from '../../src/pipeline/lane-set.ts';
import { createDynatraceOtlpSink } from '../../src/sinks/dynatrace/dynatrace-otlp-sink.ts';
import { createDynatraceOtlpSettings } from '../../src/sinks/dynatrace/otlp-settings.ts';
import { createSplunkHecSettings } from '../../src/sinks/splunk/hec-settings.ts';
import { createSplunkHecSink } from '../../src/sinks/splunk/splunk-hec-sink.ts';
import { openJournal } from '../../src/store/open-journal.ts';
import { NOW_MS, requestRecord } from '../sinks/entries.ts';
import { measure } from './measure.ts';
import type { Measured, UndeliveredTask } from './messages.ts';

const ROWS_PER_COMMIT = 1_000;
const LOG_LINE = JSON.stringify({
  level: 'INFO',
  message: 'authorization decision',
  detail: 'x'.repeat(600),
});
const parts = {
  clock: createSteeredClock(() => NOW_MS),
  logger: silentLogger,
  meter: silentMeter,
  random: Math.random,
};

process.once('message', (task: UndeliveredTask) => {
  void run(task).then((measured) => process.send?.(measured, () => process.disconnect()));
});

async function run(task: UndeliveredTask): Promise<Measured> {
  keepHeapSmall();
  const folder = mkdtempSync(join(tmpdir(), 'gatewatch-undelivered-'));
  try {
    return await runIn(folder, task);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function runIn(folder: string, { rows, silentUrl, takingUrl }: UndeliveredTask): Promise<Measured> {
  const journal = await openJournal({ ...parts, path: join(folder, 'undelivered.db'), owner: 'bench' });
  const sinks = sinksAt(silentUrl, takingUrl);
  const settings = defaultLaneSettings;
  const circuits = new Circuits({ ...parts, settings });
  const { live } = createLaneSet(sinks, { ...parts, journal, settings, circuits });
  for (const lane of live) await lane.start();
  const stop = new AbortController();
  const running = live.map((lane) => lane.run(stop.signal));
  const healthy = live.find(({ id }) => id.name === 'dynatrace/records/live');
  const measured = await measure(async () => {
    await commit(rows, journal, live);
    while ((healthy?.status.cursor ?? 0) < rows) await parts.clock.sleep(50);
    const records = live.filter(({ id }) => id.stream === 'records');
    const notes = Object.fromEntries(records.map(({ id, status }) => [id.sink, status.counts.accepted]));
    return { events: rows, notes, faults: [] };
  });
  stop.abort(new Error('done'));
  await Promise.all(running);
  for (const sink of sinks) await sink.close();
  await journal.close();
  return measured;
}

function sinksAt(silentUrl: string, takingUrl: string) {
  const token = new Secret('t');
  return [
    createSplunkHecSink({
      ...parts,
      name: 'splunk',
      settings: createSplunkHecSettings({ url: silentUrl, token }),
    }),
    createDynatraceOtlpSink({
      ...parts,
      name: 'dynatrace',
      settings: createDynatraceOtlpSettings({ url: takingUrl, token }),
    }),
  ];
}

async function commit(rows: number, to: Journal, lanes: readonly LaneDrain[]): Promise<void> {
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
    for (const lane of lanes) lane.wake();
    await parts.clock.sleep(0);
  }
}
