import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { createRuntime } from '../../src/cli/worker/runtime.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { createSteeredClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { silentMeter } from '../../src/core/meter.ts';
import type { Journal } from '../../src/model/journal.ts';
import { killAt } from './commit-points/kill-at.ts';
import type { WorkerOrders } from './worker-orders.ts';

/**
 * A worker in a process of its own, put together as the command line does it, that kills itself with SIGKILL when it
 * passes a failpoint often enough. Says `open` when it has the journal, `ready` when it reads, `done` when it ended well.
 */
const orders: WorkerOrders = JSON.parse(process.argv[2] ?? '{}');
let hitsLeft = orders.failpoint?.hits ?? Number.POSITIVE_INFINITY;

function pass(point: string): void {
  if (point !== orders.failpoint?.name) return;
  hitsLeft -= 1;
  if (hitsLeft <= 0) process.kill(process.pid, 'SIGKILL');
}

/** Failpoints inside the transaction: its statements are one synchronous piece for everybody else. */
function watchTransactions(): void {
  const exec = DatabaseSync.prototype.exec;
  DatabaseSync.prototype.exec = function watched(sql: string): void {
    pass(`before ${sql}`);
    exec.call(this, sql);
    pass(`after ${sql}`);
  };
}

function withFailpoints(journal: Journal): Journal {
  return new Proxy(journal, {
    get: (target, property) => {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      const bound = value.bind(target);
      if (property === 'allState') return bound;
      return async (...given: unknown[]) => {
        pass(`before ${String(property)}`);
        const result = await bound(...given);
        pass(`after ${String(property)}`);
        return result;
      };
    },
  });
}

function say(word: string): void {
  process.stdout.write(`${word}\n`);
}

async function main(): Promise<void> {
  watchTransactions();
  if (orders.kill !== undefined) killAt(orders.kill.site, orders.kill.nth, orders.kill.sites);
  const readFile = (path: string) => readFileSync(path, 'utf8');
  const loaded = loadConfig({ path: orders.config, text: readFile(orders.config), env: {}, readFile });
  if (!loaded.ok) throw new Error(`Expected a valid configuration, got ${JSON.stringify(loaded.problems)}`);
  const { schedule } = loaded.config;
  const config = { ...loaded.config, schedule: { ...schedule, logs: '* * * * * *' } };
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort(new Error('SIGTERM')));
  const runtime = await createRuntime(config, {
    clock: createSteeredClock(() => orders.nowMs),
    logger: silentLogger,
    meter: silentMeter,
    random: Math.random,
    readFile,
    owner: `worker ${process.pid}`,
    quotas: { FilterLogEvents: 100_000, GetMetricData: 10_000, ApiGatewayControlPlane: 10_000 },
    batchEvents: orders.batchEvents,
    wrapJournal: withFailpoints,
    onCommit: () => say('commit'),
  });
  say('open');
  const reading = setInterval(() => {
    if (runtime.worker.status().inventory === undefined) return;
    clearInterval(reading);
    say('ready');
  }, 5);
  try {
    const left = orders.mode === 'once' ? await runtime.worker.once(stop.signal) : await run(runtime, stop);
    say(left.length === 0 ? 'done' : `left ${left.join('; ')}`);
  } finally {
    clearInterval(reading);
    await runtime.close();
  }
}

async function run(
  runtime: Awaited<ReturnType<typeof createRuntime>>,
  stop: AbortController,
): Promise<readonly string[]> {
  await runtime.worker.run(stop.signal);
  return [];
}

main().catch((error: unknown) => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'error';
  process.stdout.write(`failed ${code} ${String(error)}\n`, () => process.exit(1));
});
