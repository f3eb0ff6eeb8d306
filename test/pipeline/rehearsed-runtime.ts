import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, type Runtime, type RuntimeDeps } from '../../src/cli/worker/runtime.ts';
import type { GatewatchConfig } from '../../src/config/gatewatch-config.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { type Clock, createSteeredClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { silentMeter } from '../../src/core/meter.ts';
import type { Journal, JournalEntry } from '../../src/model/journal.ts';
import type { BackfillOrder } from '../../src/model/order.ts';
import { noFaults } from '../../src/sandbox/faults.ts';
import { type Rehearsal, type RehearsalSettings, startRehearsal } from '../../src/sandbox/rehearsal.ts';
import { rehearsalConfig } from '../../src/sandbox/rehearsal-config.ts';
import { REHEARSAL_DYNATRACE_TOKEN, REHEARSAL_HEC_TOKEN } from '../../src/sandbox/rehearsal-secrets.ts';

const RAISED = { FilterLogEvents: 100_000, GetMetricData: 10_000, ApiGatewayControlPlane: 10_000 };
const MINUTE_MS = 60_000;

export interface RehearsedOptions {
  readonly minutes: number;
  readonly ratePerSecond: number;
  readonly historyToMs: number;
  /** A slow spell of one stage. */
  readonly incident?: RehearsalSettings['incident'];
}

/** A rehearsal that stands still, and runtimes over it, each with a journal of its own name. */
export class RehearsedFleet {
  readonly rehearsal: Rehearsal;
  readonly folder = mkdtempSync(join(tmpdir(), 'gatewatch-backfill-'));
  readonly #open: Runtime[] = [];
  /** What the product takes for now; the sandbox shows everything that lies before it. */
  nowMs: number;

  private constructor(rehearsal: Rehearsal) {
    this.rehearsal = rehearsal;
    this.nowMs = rehearsal.clock.now();
    writeFileSync(join(this.folder, 'pseudonym.key'), '0123456789abcdef0123456789abcdef');
    writeFileSync(join(this.folder, 'hec.token'), REHEARSAL_HEC_TOKEN);
    writeFileSync(join(this.folder, 'dynatrace.token'), REHEARSAL_DYNATRACE_TOKEN);
  }

  static async start(options: RehearsedOptions): Promise<RehearsedFleet> {
    const rehearsal = await startRehearsal({
      seed: 7,
      historyMs: options.minutes * MINUTE_MS,
      historyToMs: options.historyToMs,
      ...(options.incident !== undefined && { incident: options.incident }),
      ratePerSecond: options.ratePerSecond,
      faults: noFaults,
      port: 0,
      frozen: true,
      hostClock: { now: () => options.historyToMs },
      logger: silentLogger,
      server: { quotas: 'off' },
    });
    const env = {
      AWS_ENDPOINT_URL: rehearsal.sandbox.url,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'AKIAREHEARSAL',
      AWS_SECRET_ACCESS_KEY: 'rehearsal',
    };
    for (const [name, value] of Object.entries(env)) process.env[name] = value;
    return new RehearsedFleet(rehearsal);
  }

  get fromMs(): number {
    return this.rehearsal.world.historyFromMs;
  }

  get clock(): Clock {
    return createSteeredClock(() => this.nowMs);
  }

  configText(journal: string): string {
    return rehearsalConfig(this.rehearsal.world, {
      url: this.rehearsal.sandbox.url,
      journalPath: journal,
      pseudonymKeyFile: 'pseudonym.key',
      hecTokenFile: 'hec.token',
      dynatraceTokenFile: 'dynatrace.token',
    });
  }

  config(journal: string): GatewatchConfig {
    const readFile = (file: string) => readFileSync(file, 'utf8');
    const path = join(this.folder, 'gatewatch.yaml');
    const loaded = loadConfig({ path, text: this.configText(journal), env: {}, readFile });
    if (!loaded.ok) throw new Error(`Expected a valid configuration, got ${JSON.stringify(loaded.problems)}`);
    return loaded.config;
  }

  deps(): RuntimeDeps {
    return {
      clock: this.clock,
      logger: silentLogger,
      meter: silentMeter,
      random: () => 0.5,
      readFile: (path) => readFileSync(path, 'utf8'),
      owner: 'test',
      quotas: RAISED,
    };
  }

  async runtime(journal: string, more: Partial<RuntimeDeps> = {}): Promise<Runtime> {
    const runtime = await createRuntime(this.config(journal), { ...this.deps(), ...more });
    this.#open.push(runtime);
    return runtime;
  }

  /** Everything that a run of live reading stores. */
  async readLive(journal: string): Promise<Runtime> {
    const runtime = await this.runtime(journal);
    const left = await runtime.worker.once(AbortSignal.timeout(60_000));
    if (left.length > 0) throw new Error(`Expected everything read, got ${left.join('; ')}`);
    return runtime;
  }

  order(more: Partial<BackfillOrder> = {}): BackfillOrder {
    return {
      id: 'order-1',
      kind: 'backfill',
      fromMs: this.fromMs,
      toMs: this.nowMs,
      asked: 'all',
      createdMs: this.nowMs,
      state: 'pending',
      progress: {},
      ...more,
    };
  }

  async dispose(): Promise<void> {
    for (const runtime of this.#open) await runtime.close();
    await this.rehearsal.sandbox.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Every row of a stream, all revisions. */
export async function rowsOf(journal: Journal, stream: 'records' | 'metrics'): Promise<JournalEntry[]> {
  const rows: JournalEntry[] = [];
  for (;;) {
    const page = await journal.readStream(stream, rows.at(-1)?.seq ?? 0, 5_000);
    if (page.length === 0) return rows;
    rows.push(...page);
  }
}

/**
 * Newest content of each record that stands (record id → event id), in order of record id. An invocation that went out
 * alone and was then taken over by its request does not stand.
 */
export function standingContent(rows: readonly JournalEntry[]): [string, string][] {
  const newest = new Map(rows.map((row) => [row.recordId, row]));
  return [...newest.values()]
    .filter(({ record }) => record.kind !== 'request' || record.supersededBy === undefined)
    .map((row): [string, string] => [row.recordId, row.eventId])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The revisions that occur, ascending. */
export function revisionsOf(rows: readonly JournalEntry[]): number[] {
  return [...new Set(rows.map(({ revision }) => revision))].sort((a, b) => a - b);
}
