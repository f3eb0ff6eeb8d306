import type { AlarmFiles } from '../../alarms/format/load-alarm-files.ts';
import { type AlarmClients, createAlarmClients } from '../../aws/alarm-clients.ts';
import { type AwsClients, type AwsClientsSettings, createAwsClients } from '../../aws/aws-clients.ts';
import type { QuotaOverrides } from '../../aws/quotas.ts';
import type { GatewatchConfig } from '../../config/gatewatch-config.ts';
import { type Clock, createSystemClock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Meter } from '../../core/meter.ts';
import type { Tracer } from '../../core/tracer.ts';
import { Correlator } from '../../correlate/correlator.ts';
import { discoverInventory } from '../../inventory/discover-inventory.ts';
import { type InventorySettings, inventorySettingsOf } from '../../inventory/inventory-settings.ts';
import { knownInventoryText, readKnownInventory } from '../../inventory/known-inventory.ts';
import { withLogGroupClasses } from '../../inventory/log-group-classes.ts';
import { LogGroupListing } from '../../inventory/log-group-listing.ts';
import { mergeInventory, withoutGone } from '../../inventory/merge-inventory.ts';
import type { Inventory } from '../../model/inventory.ts';
import type { Journal, JournalEntry } from '../../model/journal.ts';
import type { MetricSeries } from '../../model/metric-record.ts';
import type { Sink } from '../../model/sink.ts';
import type { AlarmUnit } from '../../pipeline/alarm-unit.ts';
import { Backfill } from '../../pipeline/backfill.ts';
import { Circuits } from '../../pipeline/circuit.ts';
import { defaultLaneSettings, type LaneDrain, type LaneSettings } from '../../pipeline/drain-lane.ts';
import { Ingest } from '../../pipeline/ingest.ts';
import { createLaneSet, type LaneSet } from '../../pipeline/lane-set.ts';
import { createLogSources } from '../../pipeline/log-sources.ts';
import { createLagMeter, LogUnit } from '../../pipeline/log-unit.ts';
import { MetricReads } from '../../pipeline/metric-reads.ts';
import { MetricUnit } from '../../pipeline/metric-unit.ts';
import { Redelivery } from '../../pipeline/redelivery.ts';
import { logGroupOf, logGroupsOf, topologyOf } from '../../pipeline/topology.ts';
import { Upkeep } from '../../pipeline/upkeep.ts';
import { createRedactor, type ExplainingRedactor } from '../../redact/redactor.ts';
import { createCron, type StartCron } from '../../scheduler/start-cron.ts';
import type { Units } from '../../scheduler/units.ts';
import { Worker } from '../../scheduler/worker.ts';
import { createSinks, type SinkDeps } from '../../sinks/registry.ts';
import { metricSeriesFor } from '../../sources/metrics/metric-series.ts';
import { metricsSettingsOf } from '../../sources/metrics/metrics-settings.ts';
import { createMetricsSource } from '../../sources/metrics/metrics-source.ts';
import { openJournal } from '../../store/open-journal.ts';
import { alarmUnits } from './alarm-following.ts';
import { AwsTime } from './aws-time.ts';
import {
  accountSettingsOf,
  authorizerRulesOf,
  backfillSettingsOf,
  correlateSettingsOf,
  goneForMs,
  logUnitSettingsOf,
  metricUnitSettingsOf,
  seenForMs,
  upkeepSettingsOf,
} from './config-to-settings.ts';
import { DriftCheck } from './drift-check.ts';
import { InventoryFile } from './inventory-file.ts';
import { signalSinks, withPublished } from './signal-publishing.ts';

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
  /** First-time events per commit; absent: some thousands. */
  readonly batchEvents?: number;
  /** Lines that wait for a partner in memory; absent: tens of thousands. */
  readonly linesInMemory?: number;
  /** Lines that a commit takes on beside its own, of those that wait or waited; absent: some thousands. */
  readonly linesPerStep?: number;
  /** Told of every commit, after it is on disk. */
  readonly onCommit?: (entries: readonly JournalEntry[]) => void;
  /** Wraps the journal right after it was opened. */
  readonly wrapJournal?: (journal: Journal) => Journal;
  /** AWS as the worker sees it; absent: the SDK's clients. */
  readonly createClients?: (settings: AwsClientsSettings) => AwsClients;
  /** Alarms as the worker sees them; absent: the SDK's clients. */
  readonly createAlarmClients?: (settings: AwsClientsSettings) => AlarmClients;
  /** Reads a folder of alarm files; absent: drift is not looked for. Throws when they have errors. */
  readonly loadAlarms?: (dir: string) => AlarmFiles;
  /** The destinations; absent: over the network. */
  readonly createSinks?: (configs: GatewatchConfig['sinks'], deps: SinkDeps) => Sink[];
  /** Keeps the schedules; absent: on the host's clock. */
  readonly startCron?: StartCron;
  /** False on a simulated host, which has no disk to look after. */
  readonly hasDisk?: false;
}

/** Everything a worker needs, put together from a configuration. Opens the journal; calls nobody yet. */
export interface Runtime {
  readonly worker: Worker;
  /** Time as the worker takes it. */
  readonly clock: AwsTime;
  readonly upkeep: Upkeep;
  readonly journal: Journal;
  readonly redactor: ExplainingRedactor;
  /** Absent where no folder of alarms is set. */
  readonly drift?: DriftCheck;
  /** Lanes of live rows. */
  readonly lanes: readonly LaneDrain[];
  close(): Promise<void>;
}

export async function createRuntime(config: GatewatchConfig, host: RuntimeDeps): Promise<Runtime> {
  const { logger, meter } = host;
  const opened = await openJournal({
    path: config.journal.path,
    clock: host.clock,
    logger,
    owner: host.owner,
    reserveBytes: config.journal.reserve,
  });
  const journal = host.wrapJournal?.(opened) ?? opened;
  const clients = createClients(config, host);
  const alarms = (host.createAlarmClients ?? createAlarmClients)(clientSettingsOf(config, host));
  const clock = new AwsTime({ host: host.clock, aheadMs: () => clients.clockAheadMs(), logger, meter });
  const deps = { ...host, clock };
  const sinks = (deps.createSinks ?? createSinks)(config.sinks, deps);
  const redactor = createRedactor(config.redaction);
  const settings = deps.lanes ?? defaultLaneSettings;
  const laneDeps = { ...deps, journal, settings, circuits: new Circuits({ ...deps, settings }) };
  const own = signalSinks(config, clientSettingsOf(config, deps), () => assembly.inventory?.stages);
  const lanes = createLaneSet([...sinks, ...own], laneDeps);
  const assembly = new Assembly({ config, deps, journal, clients, alarms, redactor, lanes });
  const drift = driftCheckOf(config, deps, assembly, clients, alarms);
  const upkeep = new Upkeep({
    ...upkeepSettingsOf(config),
    journal: opened.upkeep,
    clock: host.clock,
    logger,
    meter,
  });
  const worker = new Worker({
    ...deps,
    // Schedules run with the host, also where the worker's time stands still for a rehearsal.
    startCron: host.startCron ?? createCron(createSystemClock()),
    journal,
    lanes,
    intakeStop: () => upkeep.intakeStop,
    ...(host.hasDisk !== false && { companion: upkeep }),
    ingest: assembly.ingest,
    schedule: config.schedule,
    ...(drift !== undefined && {
      chores: [
        {
          name: 'alarm_drift',
          schedule: config.alarms.driftSchedule,
          run: (signal: AbortSignal) => drift.run(signal),
        },
      ],
    }),
    discover: (signal) => assembly.discover(signal),
    unitsOf: (inventory) => assembly.unitsOf(inventory),
    seenForMs: seenForMs(config),
    heartbeat: () => refreshSecrets(sinks, logger),
    backfill: new Backfill({
      ...deps,
      journal,
      ingest: assembly.ingest,
      metricReads: assembly.metricReads,
      settings: backfillSettingsOf(config),
      isAuthorizer: (unit) => assembly.isAuthorizer(unit),
    }),
    redelivery: new Redelivery({ ...laneDeps, sinks, liveFirst: lanes.liveFirst }),
  });
  return {
    worker,
    clock,
    upkeep,
    journal,
    redactor,
    ...(drift !== undefined && { drift }),
    lanes: lanes.live,
    close: async () => {
      clients.close();
      alarms.close();
      await Promise.all([...sinks, ...own].map((sink) => sink.close()));
      await journal.close();
    },
  };
}

function createClients(config: GatewatchConfig, host: RuntimeDeps): AwsClients {
  return (host.createClients ?? createAwsClients)(clientSettingsOf(config, host));
}

function clientSettingsOf(
  config: GatewatchConfig,
  { clock, logger, meter, ...host }: RuntimeDeps,
): AwsClientsSettings {
  return {
    accounts: accountSettingsOf(config),
    clock,
    logger,
    meter,
    ...(host.quotas !== undefined && { quotas: host.quotas }),
  };
}

function driftCheckOf(
  config: GatewatchConfig,
  deps: RuntimeDeps,
  assembly: Assembly,
  { accounts }: AwsClients,
  client: AlarmClients,
): DriftCheck | undefined {
  const { dir, muteRules } = config.alarms;
  const { loadAlarms } = deps;
  if (dir === undefined || loadAlarms === undefined) return undefined;
  const inventory = () => assembly.inventory && withoutGone(assembly.inventory);
  const loadFiles = () => withPublished(loadAlarms(dir), config);
  return new DriftCheck({ ...deps, loadFiles, inventory, client, accounts, muteRules });
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

/** Has more before it than it can send, and nothing is wrong with it: who reads may wait for it. */
function isBehindAndWell({ isAtEase, status }: LaneDrain): boolean {
  return !isAtEase && status.held === undefined && status.trouble === undefined;
}

/** Turns inventories into units. Log units keep their lag measurements across listings. */
class Assembly {
  readonly ingest: Ingest;
  readonly metricReads: MetricReads;
  readonly #config: GatewatchConfig;
  readonly #deps: RuntimeDeps;
  readonly #journal: Journal;
  readonly #clients: AwsClients;
  readonly #alarmUnits: readonly AlarmUnit[] | undefined;
  readonly #redactor: ExplainingRedactor;
  readonly #logUnits = new Map<string, LogUnit>();
  readonly #logGroups: LogGroupListing;
  readonly #inventoryFile: InventoryFile;
  #inventory: Inventory | undefined;
  #series: readonly MetricSeries[] = [];
  #topology = topologyOf({ stages: [], complete: false, problems: [], readMs: 0 });

  constructor(options: {
    readonly config: GatewatchConfig;
    readonly deps: RuntimeDeps;
    readonly journal: Journal;
    readonly clients: AwsClients;
    readonly alarms: AlarmClients;
    readonly redactor: ExplainingRedactor;
    readonly lanes: LaneSet;
  }) {
    this.#config = options.config;
    this.#deps = options.deps;
    this.#journal = options.journal;
    this.#clients = options.clients;
    this.#redactor = options.redactor;
    this.#inventoryFile = new InventoryFile(options.config.journal.path, options.deps.logger);
    this.#logGroups = new LogGroupListing({ client: options.clients, logger: options.deps.logger });
    const settings = logUnitSettingsOf(options.config);
    this.ingest = new Ingest({
      ...options.deps,
      journal: options.journal,
      correlator: new Correlator({
        store: options.journal,
        settings: correlateSettingsOf(options.config, options.deps),
        topology: () => this.#topology,
        logger: options.deps.logger,
      }),
      allowanceOf: (unit) => this.#logUnits.get(unit)?.lag.allowanceMs ?? settings.lagAllowanceMs,
      isRead: (unit) => this.#logUnits.has(unit),
      isCrowded: () => options.lanes.live.some(isBehindAndWell),
      onCommit: (entries) => {
        for (const lane of [...options.lanes.live, ...options.lanes.backfill]) lane.wake();
        options.deps.onCommit?.(entries);
      },
    });
    const { journal, deps } = options;
    this.metricReads = new MetricReads({ ingest: this.ingest, journal, clock: deps.clock });
    if (!options.config.alarms.follow) return;
    this.#alarmUnits = alarmUnits({
      ...options,
      clock: options.deps.clock,
      accounts: options.clients.accounts,
      client: options.alarms,
      stages: () => this.#inventory?.stages ?? [],
      ingest: this.ingest,
    });
  }

  get inventory(): Inventory | undefined {
    return this.#inventory;
  }

  async discover(signal: AbortSignal): Promise<Inventory> {
    const settings = inventorySettingsOf(this.#config, this.#clients.accounts);
    const next = await discoverInventory(this.#clients, settings, signal, this.#deps.clock.now());
    const before = this.#inventory ?? this.#knownBefore(settings);
    this.#inventory = before === undefined ? next : mergeInventory(before, next, goneForMs(this.#config));
    await this.#logGroups.refresh(logGroupsOf(this.#inventory), signal);
    this.#inventory = withLogGroupClasses(this.#inventory, (group) => this.#logGroups.factsOf(group));
    this.#inventoryFile.write(knownInventoryText(this.#inventory));
    return this.#inventory;
  }

  /** What the worker before this one knew. */
  #knownBefore(settings: InventorySettings): Inventory | undefined {
    const text = this.#inventoryFile.read();
    const scopes = this.#clients.accounts.flatMap(({ accountId: account, regions }) =>
      regions.map((region) => ({ account, region })),
    );
    return text === undefined ? undefined : readKnownInventory(text, settings, scopes);
  }

  unitsOf(inventory: Inventory): Units {
    this.#topology = topologyOf(inventory);
    this.#series = metricSeriesFor(inventory, metricsSettingsOf(this.#config.metrics));
    const alarms = this.#alarmUnits;
    return {
      logs: this.#logUnitsOf(inventory),
      metrics: this.#metricUnitsOf(inventory),
      ...(alarms !== undefined && { alarms }),
    };
  }

  /** True for a log group of authorizer functions, by the inventory of the last listing. */
  isAuthorizer(unit: string): boolean {
    return this.#topology.accessUnitsOf(unit).length > 0;
  }

  #logUnitsOf(inventory: Inventory): LogUnit[] {
    const { batchEvents } = this.#deps;
    const settings = {
      ...logUnitSettingsOf(this.#config),
      ...(batchEvents !== undefined && { batchEvents }),
    };
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
      return new LogUnit({
        ...this.#deps,
        source,
        lag: createLagMeter(settings),
        ingest: this.ingest,
        journal: this.#journal,
        settings,
        facts: () => this.#logGroups.factsOf(logGroupOf(source.unit)),
      });
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
        reads: this.metricReads,
        clock: this.#deps.clock,
        settings,
      });
    });
  }
}
