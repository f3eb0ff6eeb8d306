import { type AwsClients, createAwsClients } from '../../aws/aws-clients.ts';
import type { QuotaOverrides } from '../../aws/quotas.ts';
import type { GatewatchConfig } from '../../config/gatewatch-config.ts';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Meter } from '../../core/meter.ts';
import type { Tracer } from '../../core/tracer.ts';
import { Correlator } from '../../correlate/correlator.ts';
import { discoverInventory } from '../../inventory/discover-inventory.ts';
import { inventorySettingsOf } from '../../inventory/inventory-settings.ts';
import { mergeInventory } from '../../inventory/merge-inventory.ts';
import type { Inventory } from '../../model/inventory.ts';
import type { Journal, JournalEntry } from '../../model/journal.ts';
import type { MetricSeries } from '../../model/metric-record.ts';
import type { Sink } from '../../model/sink.ts';
import { Backfill } from '../../pipeline/backfill.ts';
import { defaultLaneSettings, LaneDrain, type LaneSettings } from '../../pipeline/drain-lane.ts';
import { Ingest } from '../../pipeline/ingest.ts';
import { createLogSources } from '../../pipeline/log-sources.ts';
import { createLagMeter, LogUnit } from '../../pipeline/log-unit.ts';
import { MetricUnit } from '../../pipeline/metric-unit.ts';
import { topologyOf } from '../../pipeline/topology.ts';
import { createRedactor, type ExplainingRedactor } from '../../redact/redactor.ts';
import { type Units, Worker } from '../../scheduler/worker.ts';
import { createSinks } from '../../sinks/registry.ts';
import { metricSeriesFor } from '../../sources/metrics/metric-series.ts';
import { metricsSettingsOf } from '../../sources/metrics/metrics-settings.ts';
import { createMetricsSource } from '../../sources/metrics/metrics-source.ts';
import { openJournal } from '../../store/open-journal.ts';
import {
  accountSettingsOf,
  authorizerRulesOf,
  backfillSettingsOf,
  correlateSettingsOf,
  logUnitSettingsOf,
  metricUnitSettingsOf,
  seenForMs,
} from './config-to-settings.ts';

export interface RuntimeDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly tracer?: Tracer;
  readonly random: () => number;
  readonly readFile: (path: string) => string;
  /** Who writes the journal, for people: host and process id. */
  readonly owner: string;
  readonly lanes?: LaneSettings;
  /** Calls per second instead of AWS's published quotas, for accounts whose quotas were raised. */
  readonly quotas?: QuotaOverrides;
  /** Told of every commit, after it is on disk. */
  readonly onCommit?: (entries: readonly JournalEntry[]) => void;
  /** Wraps the journal right after it was opened. */
  readonly wrapJournal?: (journal: Journal) => Journal;
}

/** Everything a worker needs, put together from a configuration. Opens the journal; calls nobody yet. */
export interface Runtime {
  readonly worker: Worker;
  readonly journal: Journal;
  readonly redactor: ExplainingRedactor;
  readonly lanes: readonly LaneDrain[];
  close(): Promise<void>;
}

export async function createRuntime(config: GatewatchConfig, deps: RuntimeDeps): Promise<Runtime> {
  const { clock, logger, meter } = deps;
  const opened = await openJournal({ path: config.journal.path, clock, logger, owner: deps.owner });
  const journal = deps.wrapJournal?.(opened) ?? opened;
  const sinks = createSinks(config.sinks, deps);
  const redactor = createRedactor(config.redaction);
  const clients = createAwsClients({
    accounts: accountSettingsOf(config),
    clock,
    logger,
    meter,
    ...(deps.quotas !== undefined && { quotas: deps.quotas }),
  });
  const lanes = sinks.flatMap((sink) => lanesOf(sink, journal, deps));
  const assembly = new Assembly({ config, deps, journal, clients, redactor, lanes });
  const worker = new Worker({
    ...deps,
    journal,
    lanes,
    ingest: assembly.ingest,
    schedule: config.schedule,
    discover: (signal) => assembly.discover(signal),
    unitsOf: (inventory) => assembly.unitsOf(inventory),
    seenForMs: seenForMs(config),
    heartbeat: () => refreshSecrets(sinks, logger),
    backfill: new Backfill({
      ...deps,
      journal,
      ingest: assembly.ingest,
      settings: backfillSettingsOf(config),
      isAuthorizer: (unit) => assembly.isAuthorizer(unit),
    }),
  });
  return {
    worker,
    journal,
    redactor,
    lanes,
    close: async () => {
      clients.close();
      await Promise.all(sinks.map((sink) => sink.close()));
      await journal.close();
    },
  };
}

function lanesOf(sink: Sink, journal: Journal, deps: RuntimeDeps): LaneDrain[] {
  return sink.streams.map(
    (stream) =>
      new LaneDrain({
        ...deps,
        id: { sink: sink.name, stream, class: 'live', name: `${sink.name}/${stream}/live` },
        journal,
        sink,
        settings: deps.lanes ?? defaultLaneSettings,
      }),
  );
}

/** Reads secret files again. One that cannot be read, perhaps half-way through a rotation, leaves the old secret in use. */
function refreshSecrets(sinks: readonly Sink[], logger: Logger): void {
  for (const sink of sinks) {
    try {
      sink.refreshSecrets();
    } catch (error) {
      logger.warn(
        { sink: sink.name, reason: messageOf(error) },
        'a secret could not be read again; the old one stays',
      );
    }
  }
}

/** Turns inventories into units. Log units keep their lag measurements across listings. */
class Assembly {
  readonly ingest: Ingest;
  readonly #config: GatewatchConfig;
  readonly #deps: RuntimeDeps;
  readonly #journal: Journal;
  readonly #clients: AwsClients;
  readonly #redactor: ExplainingRedactor;
  readonly #logUnits = new Map<string, LogUnit>();
  #inventory: Inventory | undefined;
  #series: readonly MetricSeries[] = [];
  #topology = topologyOf({ stages: [], complete: false, problems: [], readMs: 0 });

  constructor(options: {
    readonly config: GatewatchConfig;
    readonly deps: RuntimeDeps;
    readonly journal: Journal;
    readonly clients: AwsClients;
    readonly redactor: ExplainingRedactor;
    readonly lanes: readonly LaneDrain[];
  }) {
    this.#config = options.config;
    this.#deps = options.deps;
    this.#journal = options.journal;
    this.#clients = options.clients;
    this.#redactor = options.redactor;
    const settings = logUnitSettingsOf(options.config);
    this.ingest = new Ingest({
      ...options.deps,
      journal: options.journal,
      correlator: new Correlator({
        store: options.journal,
        settings: correlateSettingsOf(options.config),
        topology: () => this.#topology,
      }),
      allowanceOf: (unit) => this.#logUnits.get(unit)?.lag.allowanceMs ?? settings.lagAllowanceMs,
      isRead: (unit) => this.#logUnits.has(unit),
      onCommit: (entries) => {
        for (const lane of options.lanes) lane.wake();
        options.deps.onCommit?.(entries);
      },
    });
  }

  async discover(signal: AbortSignal): Promise<Inventory> {
    const settings = inventorySettingsOf(this.#config, this.#clients.accounts);
    const next = await discoverInventory(this.#clients, settings, signal, this.#deps.clock.now());
    this.#inventory = this.#inventory === undefined ? next : mergeInventory(this.#inventory, next);
    return this.#inventory;
  }

  unitsOf(inventory: Inventory): Units {
    this.#topology = topologyOf(inventory);
    this.#series = metricSeriesFor(inventory, metricsSettingsOf(this.#config.metrics));
    return { logs: this.#logUnitsOf(inventory), metrics: this.#metricUnitsOf(inventory) };
  }

  /** True for a log group of authorizer functions, by the inventory of the last listing. */
  isAuthorizer(unit: string): boolean {
    return this.#topology.accessUnitsOf(unit).length > 0;
  }

  #logUnitsOf(inventory: Inventory): LogUnit[] {
    const settings = logUnitSettingsOf(this.#config);
    const sources = createLogSources(inventory, {
      client: this.#clients,
      redactor: this.#redactor,
      customerOf: new Map(Object.entries(this.#config.customers.fromPrincipal)),
      rules: authorizerRulesOf(this.#config),
    });
    const units = [...sources.values()].map((source) => {
      const known = this.#logUnits.get(source.unit);
      known?.replaceSource(source);
      if (known !== undefined) return known;
      const lag = createLagMeter(settings);
      const { clock } = this.#deps;
      return new LogUnit({ source, lag, ingest: this.ingest, journal: this.#journal, clock, settings });
    });
    for (const unit of units) this.#logUnits.set(unit.unit, unit);
    return units;
  }

  #metricUnitsOf(inventory: Inventory): MetricUnit[] {
    const scopes = new Map(
      inventory.stages.map(({ account, region }) => [`${account}/${region}`, { account, region }]),
    );
    return [...scopes.values()].map(({ account, region }) => {
      const source = createMetricsSource({
        ...this.#deps,
        account,
        region,
        series: () => this.#series.filter((one) => one.account === account && one.region === region),
        client: this.#clients,
      });
      const settings = metricUnitSettingsOf(this.#config);
      return new MetricUnit({
        source,
        ingest: this.ingest,
        journal: this.#journal,
        clock: this.#deps.clock,
        settings,
      });
    });
  }
}
