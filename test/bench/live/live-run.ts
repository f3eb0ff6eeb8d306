import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROUND_MS } from '../bench-traffic.ts';
import { acceptanceOf, type SinkAcceptance, type Stored, storedIn } from './acceptance.ts';
import { Expected } from './expected.ts';
import { LiveProduct, type ProductCounts } from './live-product.ts';
import { LIVE_QUOTA, ratesOf } from './live-traffic.ts';
import type { LiveOrder, Phase, ServerTold } from './messages.ts';
import { ServerProcess } from './server-process.ts';

const SAMPLE_MS = 1_000;
/** How often the worker is asked what it has read. */
const COUNT_MS = 5_000;
/** A worker that has read everything, and has nothing waiting, is done once its destinations were silent for so long. */
const SILENCE_MS = 10_000;
const BEFORE_TRAFFIC_MS = 4_000;

export interface LiveOptions {
  readonly phases: readonly Phase[];
  readonly callMs: number;
  /** Longest time after the last round until everything has arrived. */
  readonly tailMs: number;
  readonly cpuProfile?: string | undefined;
  /** Called about once a second while traffic comes. */
  readonly watch?: (journalPath: string) => Promise<void>;
}

/** The worker at one moment, and what it spent since the moment before. */
export interface Sample {
  /** Since the first round began. */
  readonly atMs: number;
  readonly rssMb: number;
  /** Of one core. */
  readonly cpuShare: number;
}

export interface LiveResult {
  readonly expected: Expected;
  readonly sinks: readonly SinkAcceptance[];
  readonly stored: Stored;
  readonly samples: readonly Sample[];
  readonly product: ProductCounts;
  readonly server: ServerTold;
  readonly peakRssMb: number;
  /** Of all its threads, from the first round to the end of the run. */
  readonly cpuSeconds: number;
  /** Of one core, while traffic came. */
  readonly cpuShare: number;
  readonly serverCpuShare: number;
  readonly callsPerSecond: number;
  /** The machine's one-minute average as traffic ended. */
  readonly load: number;
  readonly trafficMs: number;
  /** From the last round to the end of the run. */
  readonly tailMs: number;
  readonly journalMb: number;
}

/** Starts a stand-in and the worker, lets traffic come, waits until everything has arrived, and works out what did. */
export async function runLive(options: LiveOptions): Promise<LiveResult> {
  const folder = mkdtempSync(join(tmpdir(), 'gatewatch-live-'));
  const server = new ServerProcess();
  let product: LiveProduct | undefined;
  try {
    const { phases, callMs } = options;
    const order: LiveOrder = { phases, quotaPerSecond: LIVE_QUOTA, callMs, folder };
    const { url } = await server.start(order);
    product = await LiveProduct.start({ url, folder, cpuProfile: options.cpuProfile });
    await sleep(BEFORE_TRAFFIC_MS);
    return await measureLive(options, server, product, folder);
  } finally {
    product?.kill();
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureLive(
  options: LiveOptions,
  server: ServerProcess,
  product: LiveProduct,
  folder: string,
): Promise<LiveResult> {
  const { startMs = 0 } = await server.ask('begin');
  const journalPath = join(folder, 'live.db');
  const expected = new Expected(options.phases, startMs);
  const trafficMs = ratesOf(options.phases).length * ROUND_MS;
  await sleep(startMs - Date.now());
  const sampler = new Sampler(product, startMs);
  const before = await server.ask('tell');
  const spentBefore = product.cpuSeconds;
  while (Date.now() < startMs + trafficMs) {
    await Promise.all([sleep(SAMPLE_MS), options.watch?.(journalPath)]);
    sampler.take();
  }
  const after = await server.ask('tell');
  const cpuShare = ((product.cpuSeconds - spentBefore) * 1_000) / trafficMs;
  const [load = 0] = loadavg();
  const counts = await followToEnd({
    server,
    product,
    sampler,
    lines: expected.lines,
    tailMs: options.tailMs,
  });
  const tailMs = Date.now() - startMs - trafficMs;
  const told = await server.ask('tell');
  const cpuSeconds = product.cpuSeconds - spentBefore;
  await product.stop();
  return {
    expected,
    sinks: acceptanceOf(folder, expected),
    stored: storedIn(journalPath),
    samples: sampler.samples,
    product: counts,
    server: told,
    peakRssMb: product.peakRssMb,
    cpuSeconds,
    cpuShare,
    serverCpuShare: ((after.cpuSeconds - before.cpuSeconds) * 1_000) / trafficMs,
    callsPerSecond: ((after.pages - before.pages) * 1_000) / trafficMs,
    load,
    trafficMs,
    tailMs,
    journalMb: statSync(journalPath).size / 1_048_576,
  };
}

/** Until everything was read, nothing waits, and the destinations have been silent for a while; or time is up. */
async function followToEnd(run: {
  readonly server: ServerProcess;
  readonly product: LiveProduct;
  readonly sampler: Sampler;
  readonly lines: number;
  readonly tailMs: number;
}): Promise<ProductCounts> {
  const untilMs = Date.now() + run.tailMs;
  for (;;) {
    for (let at = 0; at < COUNT_MS; at += SAMPLE_MS) {
      await sleep(SAMPLE_MS);
      run.sampler.take();
    }
    const counts = await run.product.counts();
    const { lastBodyMs } = await run.server.ask('tell');
    const isDone = counts.seen >= run.lines && counts.settling === 0 && Date.now() - lastBodyMs > SILENCE_MS;
    if (isDone || Date.now() > untilMs) return counts;
  }
}

class Sampler {
  readonly samples: Sample[] = [];
  readonly #product: LiveProduct;
  readonly #startMs: number;
  #atMs = Date.now();
  #cpuSeconds: number;

  constructor(product: LiveProduct, startMs: number) {
    this.#product = product;
    this.#startMs = startMs;
    this.#cpuSeconds = product.cpuSeconds;
  }

  take(): void {
    const atMs = Date.now();
    const { cpuSeconds, rssMb } = this.#product;
    const cpuShare = ((cpuSeconds - this.#cpuSeconds) * 1_000) / Math.max(1, atMs - this.#atMs);
    this.samples.push({ atMs: atMs - this.#startMs, rssMb, cpuShare });
    this.#atMs = atMs;
    this.#cpuSeconds = cpuSeconds;
  }
}
