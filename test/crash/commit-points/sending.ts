import { silentLogger } from '../../../src/core/logger.ts';
import { silentMeter } from '../../../src/core/meter.ts';
import { Secret } from '../../../src/core/secret.ts';
import type { LaneId } from '../../../src/model/journal.ts';
import { Circuits } from '../../../src/pipeline/circuit.ts';
import type { LaneSettings } from '../../../src/pipeline/drain-lane.ts';
import type { LaneDeps } from '../../../src/pipeline/lane-set.ts';
import { createSplunkHecSettings } from '../../../src/sinks/splunk/hec-settings.ts';
import { createSplunkHecSink } from '../../../src/sinks/splunk/splunk-hec-sink.ts';
import type { SqliteJournal } from '../../../src/store/sqlite-journal.ts';
import { type Scene, standingClock } from './story.ts';

export const SENT_MS = Date.UTC(2026, 10, 22, 10);
export const LIVE: LaneId = {
  sink: 'splunk',
  stream: 'records',
  class: 'live',
  name: 'splunk/records/live',
};

const SETTINGS: LaneSettings = { firstRetryMs: 1, maxRetryMs: 5, heldProbeMs: 5, batchesInFlight: 2 };
const LONGEST_MS = 10_000;

/** A real sink for the collector of a scene, which is told the id of each event once. */
export function sinkOf({ url }: Scene) {
  const parts = {
    clock: standingClock(SENT_MS),
    logger: silentLogger,
    meter: silentMeter,
    random: () => 0.5,
  };
  const events = { access: true, authentication: false, metric: false };
  const settings = createSplunkHecSettings({ url, token: new Secret('good'), events });
  return createSplunkHecSink({ ...parts, name: 'splunk', settings });
}

export function lanesOver(journal: SqliteJournal): LaneDeps {
  const parts = { clock: standingClock(SENT_MS), random: () => 0.5, settings: SETTINGS };
  return { ...parts, journal, logger: silentLogger, meter: silentMeter, circuits: new Circuits(parts) };
}

/** Works until something holds. Throws when it does not come to hold. */
export async function workUntil(
  work: (signal: AbortSignal) => Promise<void>,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const stop = new AbortController();
  const working = work(stop.signal);
  const deadline = performance.now() + LONGEST_MS;
  try {
    while (!(await holds())) {
      if (performance.now() > deadline) throw new Error('Expected all to be done by now');
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  } finally {
    stop.abort(new Error('all is done'));
    await working;
  }
}
