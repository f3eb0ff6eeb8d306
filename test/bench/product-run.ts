/** The product of the benchmark, in a process of its own: everything `gatewatch once` does, over a task's servers. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepHeapSmall } from '../../src/cli/worker/heap-size.ts';
import { createRuntime, type Runtime } from '../../src/cli/worker/runtime.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { createSteeredClock } from '../../src/core/clock.ts';
import { type Logger, silentLogger } from '../../src/core/logger.ts';
import { silentMeter } from '../../src/core/meter.ts';
import { ACCOUNT, DYNATRACE_TOKEN, HEC_TOKEN, REGION } from './bench-fleet.ts';
import { measure, type Outcome } from './measure.ts';
import type { Task } from './messages.ts';

const DEADLINE_MS = 1_800_000;
const RAISED_QUOTAS = { FilterLogEvents: 100_000, GetMetricData: 10_000, ApiGatewayControlPlane: 10_000 };

process.once('message', (task: Task) => {
  void run(task);
});

async function run(task: Task): Promise<void> {
  keepHeapSmall();
  const folder = mkdtempSync(join(tmpdir(), 'gatewatch-bench-'));
  try {
    const runtime = await createRuntime(configOf(task, folder), {
      clock: createSteeredClock(() => task.nowMs),
      logger,
      meter: silentMeter,
      random: Math.random,
      readFile: (path) => readFileSync(path, 'utf8'),
      owner: 'bench',
      quotas: RAISED_QUOTAS,
    });
    const measured = await measure(() => once(runtime));
    await runtime.close();
    process.send?.(measured, () => process.disconnect());
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Faults are told at the end, by what is left undone; warnings on the way show why. */
const logger: Logger = {
  ...silentLogger,
  error: (fields, message) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
};

function configOf(task: Task, folder: string) {
  writeFileSync(join(folder, 'pseudonym.key'), '0123456789abcdef0123456789abcdef');
  const { url, fromMs } = task.server;
  const minutes = Math.ceil((task.nowMs - fromMs) / 60_000);
  const text = JSON.stringify({
    version: 1,
    accounts: { central: { accountId: ACCOUNT, regions: [REGION] } },
    logs: { firstRead: `${minutes}m` },
    redaction: { keys: [{ id: 'k1', secret: '${file:pseudonym.key}' }] },
    journal: { path: 'bench.db' },
    sinks: {
      splunk: { type: 'splunk_hec', url, token: HEC_TOKEN, index: 'apigw' },
      dynatrace: { type: 'dynatrace_otlp', url: `${url}/api/v2/otlp`, token: DYNATRACE_TOKEN },
    },
  });
  const path = join(folder, 'gatewatch.yaml');
  const loaded = loadConfig({ path, text, env: {}, readFile: (file) => readFileSync(file, 'utf8') });
  if (!loaded.ok) throw new Error(`Expected a valid configuration, got ${JSON.stringify(loaded.problems)}`);
  return loaded.config;
}

async function once(runtime: Runtime): Promise<Outcome> {
  const left = await runtime.worker.once(AbortSignal.timeout(DEADLINE_MS));
  const { lanes } = runtime.worker.status();
  const delivered = lanes.map(({ lane, counts }) => [`accepted ${lane.name}`, counts.accepted] as const);
  const ledger = await runtime.journal.ledger(0, Number.MAX_SAFE_INTEGER);
  const seen = ledger.reduce((sum, entry) => sum + entry.seen, 0);
  const stored = ledger.reduce((sum, entry) => sum + entry.stored, 0);
  return {
    events: seen,
    notes: { stored, rows: await runtime.journal.lastSeq(), ...Object.fromEntries(delivered) },
    faults: left,
  };
}
