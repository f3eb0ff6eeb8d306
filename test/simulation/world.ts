import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, type Runtime, type RuntimeDeps } from '../../src/cli/worker/runtime.ts';
import type { GatewatchConfig } from '../../src/config/gatewatch-config.ts';
import { FencedError } from '../../src/core/errors.ts';
import { silentMeter } from '../../src/core/meter.ts';
import type { Sink } from '../../src/model/sink.ts';
import { defaultLaneSettings } from '../../src/pipeline/drain-lane.ts';
import type { StartCron } from '../../src/scheduler/start-cron.ts';
import { createDynatraceOtlpSink } from '../../src/sinks/dynatrace/dynatrace-otlp-sink.ts';
import { dynatraceOtlpSettingsFrom } from '../../src/sinks/dynatrace/otlp-settings.ts';
import type { SinkDeps } from '../../src/sinks/registry.ts';
import { splunkHecSettingsFrom } from '../../src/sinks/splunk/hec-settings.ts';
import { createHecHttpTransport } from '../../src/sinks/splunk/hec-transport.ts';
import { createSplunkHecSink } from '../../src/sinks/splunk/splunk-hec-sink.ts';
import { RecordingLogger } from '../support/recorders.ts';
import { type AwsFault, CloudWatch } from './cloudwatch.ts';
import { Dynatrace, type SinkFault, Splunk } from './destinations.ts';
import { JournalWatch } from './journal-watch.ts';
import { type ListingFault, Listings } from './listings.ts';
import { SimMetrics } from './metrics.ts';
import { Orders } from './orders.ts';
import { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import { configOf, type SimSettings } from './settings.ts';
import { Tally } from './tally.ts';
import { Traffic } from './traffic.ts';
import { settled, VirtualTime } from './virtual-time.ts';
import { type Spell, Weather } from './weather.ts';

const MINUTE = 60_000;
const TIMEOUT_MS = 30_000;
const MEMORY_FOLDER = '/dev/shm';
/** How often what comes round; the cron expressions of the configuration say the same. */
const CRON_MS: Readonly<Record<string, number>> = { logs: 20_000, metrics: 300_000, inventory: 600_000 };

export interface BadWeather {
  readonly aws: readonly Spell<AwsFault>[];
  readonly listings: readonly Spell<ListingFault>[];
  readonly splunk: readonly Spell<SinkFault>[];
  readonly dynatrace: readonly Spell<SinkFault>[];
}

/** A worker under way: its process, and how its run ended, if it did. */
export interface Incarnation {
  readonly process: SimProcess;
  readonly runtime: Runtime;
  readonly stop: AbortController;
  ended: Promise<unknown>;
}

/**
 * One account, two destinations, one journal and one time, none of them real but the journal; and the product itself,
 * put together as the command line does it.
 */
export class SimWorld {
  readonly settings: SimSettings;
  readonly time: VirtualTime;
  readonly tally = new Tally();
  readonly traffic: Traffic;
  readonly cloudWatch: CloudWatch;
  readonly metrics: SimMetrics;
  readonly splunk: Splunk;
  readonly dynatrace: Dynatrace;
  readonly watch: JournalWatch;
  readonly orders: Orders;
  readonly logger = new RecordingLogger();
  /** What happened, newest last: the way to a violation. */
  readonly trace: string[] = [];
  /** Ends of workers that nobody wanted. */
  readonly mishaps: string[] = [];
  readonly folder: string;
  readonly #config: GatewatchConfig;
  readonly #random: Random;
  readonly #listingWeather: Weather<ListingFault>;
  #images = 0;

  constructor(settings: SimSettings, random: Random, weather: BadWeather) {
    this.settings = settings;
    this.#random = random;
    this.time = new VirtualTime(settings.traffic.fromMs - MINUTE);
    this.#config = configOf(settings);
    this.folder = mkdtempSync(join(existsSync(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir(), 'gatewatch-sim-'));
    const { tally } = this;
    this.traffic = new Traffic(settings.traffic, random.fork());
    this.traffic.makeAll();
    tally.addAll(this.traffic.happened);
    const metricsToMs = settings.readsMetrics ? settings.traffic.toMs : 0;
    this.metrics = new SimMetrics({ ...settings.traffic, toMs: metricsToMs, tally }, random.fork());
    const destination = (name: 'splunk' | 'dynatrace') => ({
      name,
      weather: new Weather(weather[name]),
      random: random.fork(),
      tally,
      bodyLimit: settings.bodyLimit,
      latencyMs: settings.latencyMs,
      timeoutMs: TIMEOUT_MS,
    });
    this.splunk = new Splunk(destination('splunk'), settings.splunkKeepsPrefix);
    this.dynatrace = new Dynatrace(destination('dynatrace'));
    this.watch = new JournalWatch(this.splunk, this.dynatrace);
    this.orders = new Orders(this.time, this.watch, tally);
    this.#listingWeather = new Weather(weather.listings);
    this.cloudWatch = new CloudWatch({
      weather: new Weather(weather.aws),
      random: random.fork(),
      tally,
      metrics: this.metrics,
      listings: new Listings({
        apis: settings.traffic.apis,
        weather: this.#listingWeather,
        random: random.fork(),
        tally,
      }),
      pageEvents: settings.pageEvents,
      shuffled: settings.shuffledPages,
      repeats: settings.repeats,
      onShown: (unit, events) => this.watch.noteShown(unit, events),
    });
    this.cloudWatch.add(this.traffic.stories.flatMap((story) => [...story.events, ...story.needs]));
  }

  note(what: string): void {
    this.trace.push(`${new Date(this.time.nowMs).toISOString()} ${what}`);
  }

  /** Starts a worker on the journal as it is. Rejects as the product does when it may not have it. */
  async start(): Promise<Incarnation> {
    const process = new SimProcess(this.time, this.#random.fork(), this.tally);
    const config = { ...this.#config, journal: { ...this.#config.journal, path: this.journalPath } };
    const runtime = await createRuntime(config, this.#deps(process));
    const one: Incarnation = { process, runtime, stop: new AbortController(), ended: settled() };
    if (this.#listingWeather.at(this.time.nowMs) !== undefined) this.tally.add('started_on_ill_listing');
    this.note(`worker started with epoch ${runtime.journal.epoch}`);
    one.ended = runtime.worker.run(one.stop.signal).catch((error: unknown) => this.#ended(one, error));
    await settled();
    return one;
  }

  #ended(one: Incarnation, error: unknown): unknown {
    if (one.process.isDead) return undefined;
    this.note(`worker ended: ${String(error)}`);
    if (!(error instanceof FencedError)) this.mishaps.push(`the worker ended with ${String(error)}`);
    return error;
  }

  /** What a power cut would leave of the journal of a dead worker becomes the journal; the dead one keeps nothing. */
  async bury(dead: Incarnation): Promise<void> {
    await settled();
    const path = this.journalPath;
    this.#images += 1;
    for (const suffix of ['', '-wal', '.inventory']) {
      if (existsSync(path + suffix)) copyFileSync(path + suffix, this.journalPath + suffix);
    }
    await dead.runtime.close();
  }

  /** Ends a worker as SIGTERM does. */
  async stop(one: Incarnation): Promise<void> {
    one.stop.abort(new Error('the simulation ends'));
    await this.time.advance(10_000);
    await one.ended;
    await one.runtime.close();
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The journal as it is now. */
  get journalPath(): string {
    return join(this.folder, `journal-${this.#images}.db`);
  }

  #deps(process: SimProcess): RuntimeDeps {
    return {
      clock: process.clock,
      logger: this.logger,
      meter: silentMeter,
      random: () => process.random.next(),
      readFile: (path) => path,
      owner: 'simulation',
      hasDisk: false,
      batchEvents: this.settings.batchEvents,
      linesInMemory: this.settings.linesInMemory,
      linesPerStep: this.settings.linesPerStep,
      // Lanes are told of every row; looking for more each second is most of what an idle worker does.
      lanes: { ...defaultLaneSettings, lookMs: 30_000 },
      createClients: (settings) => this.cloudWatch.clients(process, settings),
      createSinks: (configs, deps) => this.#sinks(process, configs, deps),
      startCron: cronOn(process),
      wrapJournal: (journal) => this.watch.wrap(journal, process),
    };
  }

  /** The real sinks, uncompressed, over a transport that stays inside this process. */
  #sinks(process: SimProcess, configs: GatewatchConfig['sinks'], deps: SinkDeps): Sink[] {
    const { maxBatch: maxBatchEntries, maxBodyBytes } = this.settings;
    const shared = { gzipLevel: 0, maxBatchEntries };
    return Object.entries(configs).map(([name, config]) => {
      if (config.type === 'splunk_hec') {
        const settings = { ...splunkHecSettingsFrom(config, undefined), ...shared, maxBodyBytes };
        const transport = createHecHttpTransport(this.splunk.transport(process), settings);
        return createSplunkHecSink({ ...deps, name, settings, transport });
      }
      const limits = { maxLogBodyBytes: maxBodyBytes };
      const settings = { ...dynatraceOtlpSettingsFrom(config, undefined), ...shared, ...limits };
      return createDynatraceOtlpSink({
        ...deps,
        name,
        settings,
        transport: this.dynatrace.transport(process),
      });
    });
  }
}

/** Schedules by the virtual time: each task at the full multiples of its interval. */
function cronOn(process: SimProcess): StartCron {
  return (name, _expression, run) => {
    const stop = new AbortController();
    const everyMs = CRON_MS[name] ?? MINUTE;
    const keep = async () => {
      for (;;) {
        await process.clock.sleep(everyMs - (process.clock.now() % everyMs), stop.signal);
        void run();
      }
    };
    keep().catch(() => undefined);
    return { destroy: () => stop.abort() };
  };
}
