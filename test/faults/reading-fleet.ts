import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, type Runtime, type RuntimeDeps } from '../../src/cli/worker/runtime.ts';
import type { GatewatchConfig } from '../../src/config/gatewatch-config.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { type Clock, createSteeredClock, sleepFor } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { Gap } from '../../src/model/journal.ts';
import type { RequestRecord } from '../../src/model/request-record.ts';
import { type FaultName, noFaults } from '../../src/sandbox/faults.ts';
import { type Sandbox, type SandboxSettings, startSandbox } from '../../src/sandbox/server.ts';
import { openOrderDesk } from '../../src/store/order-desk.ts';
import { pointSdkAt } from '../aws/aws-stub.ts';
import { rowsOf } from '../pipeline/rehearsed-runtime.ts';
import { RecordingLogger, RecordingMeter } from '../support/recorders.ts';
import { CENTRAL, IDENTITY, REGION, ReadingWorld } from './reading-world.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const RAISED = { FilterLogEvents: 100_000, GetMetricData: 10_000, ApiGatewayControlPlane: 10_000 };
const EXTERNAL_ID = 'gatewatch-test';

/** Sections of the configuration beyond the accounts, as YAML lines. */
const CONFIG = `
version: 1
accounts:
  central: { accountId: "${CENTRAL}", regions: [${REGION}] }
  identity:
    accountId: "${IDENTITY}"
    regions: [${REGION}]
    roleArn: arn:aws:iam::${IDENTITY}:role/gatewatch
    externalId: ${EXTERNAL_ID}
redaction: { keys: [{ id: k1, secret: "\${file:pseudonym.key}" }] }
sinks: { splunk: { type: splunk_hec, url: "http://127.0.0.1:1", token: "\${file:hec.token}" } }
`;

/**
 * The product over the stand-ins for AWS, with a world and a clock that the test moves. Nothing is delivered: this is
 * about reading.
 */
export class ReadingFleet {
  readonly world: ReadingWorld;
  readonly sandbox: Sandbox;
  readonly logger = new RecordingLogger();
  readonly meter = new RecordingMeter();
  readonly #folder = mkdtempSync(join(tmpdir(), 'gatewatch-reading-'));
  readonly #restoreEnv: () => void;
  readonly #open = new Set<Runtime>();
  /** The configuration beyond accounts, keys and sinks, as YAML; workers made later see a change. */
  settings: string;
  #nowMs: number;
  #elapsedMs = 0;
  /** How far the host's clock is off AWS's, milliseconds. */
  hostAheadMs = 0;

  private constructor(world: ReadingWorld, sandbox: Sandbox, settings: string, nowMs: number) {
    this.world = world;
    this.sandbox = sandbox;
    this.settings = settings;
    this.#nowMs = nowMs;
    this.#restoreEnv = pointSdkAt(sandbox.port);
  }

  static async start(
    options: {
      readonly nowMs?: number;
      readonly config?: string;
      readonly sandbox?: Partial<SandboxSettings>;
    } = {},
  ): Promise<ReadingFleet> {
    const start = options.nowMs ?? Date.UTC(2026, 10, 22, 10);
    const world = new ReadingWorld(start);
    let fleet: ReadingFleet | undefined;
    const sandbox = await startSandbox({
      world,
      port: 0,
      clock: { now: () => fleet?.nowMs ?? start },
      faults: noFaults,
      quotas: 'off',
      seed: 1,
      logger: silentLogger,
      externalIds: { [IDENTITY]: EXTERNAL_ID },
      ...options.sandbox,
    });
    fleet = new ReadingFleet(world, sandbox, options.config ?? '', start);
    return fleet;
  }

  faults(...names: FaultName[]): void {
    this.sandbox.replaceFaults({ names });
  }

  config(journal = 'gatewatch.db'): GatewatchConfig {
    const path = join(this.#folder, 'gatewatch.yaml');
    const text = `${CONFIG}journal: { path: ${journal} }\n${this.settings}`;
    const files: Readonly<Record<string, string>> = {
      [join(this.#folder, 'pseudonym.key')]: '0123456789abcdef0123456789abcdef',
      [join(this.#folder, 'hec.token')]: '5a4db0c5-0000-4000-8000-000000000000',
    };
    const readFile = (file: string) => files[file] ?? readFileSync(file, 'utf8');
    const loaded = loadConfig({ path, text, env: {}, readFile });
    if (!loaded.ok) throw new Error(`Expected a valid configuration, got ${JSON.stringify(loaded.problems)}`);
    return loaded.config;
  }

  /** A worker as a new process has it. */
  async runtime(more: Partial<RuntimeDeps> = {}, journal?: string): Promise<Runtime> {
    const runtime = await createRuntime(this.config(journal), {
      clock: this.#clock(),
      logger: this.logger,
      meter: this.meter,
      random: () => 0.5,
      readFile: (path) => readFileSync(path, 'utf8'),
      owner: 'test',
      quotas: RAISED,
      createSinks: () => [],
      ...more,
    });
    this.#open.add(runtime);
    return runtime;
  }

  async close(runtime: Runtime): Promise<void> {
    this.#open.delete(runtime);
    await runtime.close();
  }

  /** AWS's time. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Durations go forward with it, never back. */
  set nowMs(ms: number) {
    this.#elapsedMs += Math.max(0, ms - this.#nowMs);
    this.#nowMs = ms;
  }

  /** The host's clock. */
  #clock(): Clock {
    return {
      now: () => this.nowMs + this.hostAheadMs,
      monotonic: () => performance.now() + this.#elapsedMs,
      sleep: sleepFor,
    };
  }

  /** Time passes, then everything that is due is read. Returns what is left undone, in words. */
  async readAt(runtime: Runtime, nowMs: number, deadlineMs = 20_000): Promise<readonly string[]> {
    this.nowMs = nowMs;
    return runtime.worker.once(AbortSignal.timeout(deadlineMs));
  }

  /** Orders a span of the past to be read; the next turn of a worker carries it out. */
  async orderBackfill(fromMs: number, toMs: number, journal = 'gatewatch.db'): Promise<void> {
    const desk = await openOrderDesk(
      join(this.#folder, journal),
      createSteeredClock(() => this.nowMs),
    );
    const [id, asked, createdMs] = ['backfill-1', 'the past', this.nowMs];
    await desk.place({
      id,
      kind: 'backfill',
      fromMs,
      toMs,
      asked,
      createdMs,
      state: 'pending',
      progress: {},
    });
    await desk.close();
  }

  async dispose(): Promise<void> {
    for (const runtime of this.#open) await runtime.close();
    this.#restoreEnv();
    await this.sandbox.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Newest content of each request, by extended request id. */
export async function requestsIn(runtime: Runtime): Promise<ReadonlyMap<string, RequestRecord>> {
  const newest = new Map<string, RequestRecord>();
  for (const { record } of await rowsOf(runtime.journal, 'records')) {
    if (record.kind === 'request' && record.supersededBy === undefined)
      newest.set(record.extendedRequestId ?? record.recordId, record);
  }
  return newest;
}

/** Outcome by request, as the journal tells it last. */
export async function outcomesIn(runtime: Runtime): Promise<Readonly<Record<string, string>>> {
  const requests = await requestsIn(runtime);
  return Object.fromEntries([...requests].map(([id, { outcome }]) => [id.replace('ext-', ''), outcome]));
}

export function spansOf(gaps: readonly Gap[], unit: string): readonly (readonly [number, number])[] {
  return gaps.filter((gap) => gap.unit === unit).map(({ fromMs, toMs }) => [fromMs, toMs] as const);
}
