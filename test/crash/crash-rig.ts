import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { settlingLines } from '../../src/correlate/settling.ts';
import { defaultLaneSettings } from '../../src/pipeline/drain-lane.ts';
import { openOrderDesk } from '../../src/store/order-desk.ts';
import { untrueOfJournal, untrueOfSplunk } from '../acceptance/truth.ts';
import { RehearsedFleet, type RehearsedOptions, rowsOf } from '../pipeline/rehearsed-runtime.ts';
import { commitSites } from './commit-points/commit-sites.ts';
import type { WorkerOrders } from './worker-orders.ts';

/** Entries per batch of every sink: small, so that few are under way when a process dies. */
export const BATCH_ENTRIES = 40;
const ENTRY = join(import.meta.dirname, 'worker-process.ts');
const LONGEST_MS = 60_000;
const PAGE_BYTES = 8_192;

/** One process of the worker: what it said, and how it ended. */
export class WorkerProcess {
  readonly child: ChildProcess;
  readonly said: string[] = [];
  readonly #waiting = new Set<() => void>();
  end: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined;

  constructor(orders: WorkerOrders) {
    const flags = ['--disable-warning=ExperimentalWarning', ENTRY, JSON.stringify(orders)];
    this.child = spawn(process.execPath, flags, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env },
    });
    if (this.child.stdout !== null) {
      createInterface({ input: this.child.stdout }).on('line', (line) =>
        this.#tell(() => this.said.push(line)),
      );
    }
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.said.push(text));
    this.child.once('close', (code, signal) => this.#tell(() => (this.end = { code, signal })));
  }

  #tell(change: () => void): void {
    change();
    for (const wake of [...this.#waiting]) wake();
  }

  /** Waits until something that it says or does makes `holds` true. */
  async until(holds: () => boolean, what: string): Promise<void> {
    const deadline = AbortSignal.timeout(LONGEST_MS);
    while (!holds()) {
      if (deadline.aborted)
        throw new Error(`Waited in vain until ${what}; it said ${this.said.slice(-5).join(' | ')}`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          deadline.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.add(wake);
        deadline.addEventListener('abort', wake, { once: true });
      });
    }
  }

  says(word: string): Promise<void> {
    return this.until(() => this.end !== undefined || this.said.includes(word), `it says ${word}`);
  }

  ended(): Promise<void> {
    return this.until(() => this.end !== undefined, 'it ends');
  }

  /** Waits for the n-th commit, or the end if that comes first. */
  committed(times: number): Promise<void> {
    const isReached = () => this.said.filter((line) => line === 'commit').length >= times;
    return this.until(() => this.end !== undefined || isReached(), `it committed ${times} times`);
  }
}

/** A rehearsal that stands still, one journal, and the processes that die over it one after the other. */
export class CrashRig {
  readonly fleet: RehearsedFleet;
  readonly #processes: WorkerProcess[] = [];
  readonly #batchEvents: number;

  private constructor(fleet: RehearsedFleet, batchEvents: number) {
    this.fleet = fleet;
    this.#batchEvents = batchEvents;
    const config = fleet
      .configText('crash.db')
      .replaceAll(/^( +)type: (splunk_hec|dynatrace_otlp)$/gm, `$1type: $2\n$1maxBatch: ${BATCH_ENTRIES}`)
      .replace(/^journal:$/m, 'journal:\n  reserve: 1MB')
      // Whoever never got to a group before it died still has to reach back to the beginning.
      .replaceAll(/firstRead: \S+/g, 'firstRead: 6h');
    writeFileSync(this.configPath, config);
  }

  static async start(options: RehearsedOptions, batchEvents = 150): Promise<CrashRig> {
    return new CrashRig(await RehearsedFleet.start(options), batchEvents);
  }

  get configPath(): string {
    return join(this.fleet.folder, 'gatewatch.yaml');
  }

  spawn(more: Partial<WorkerOrders> = {}): WorkerProcess {
    const orders = {
      config: this.configPath,
      mode: 'once',
      nowMs: this.fleet.nowMs,
      batchEvents: this.#batchEvents,
    } as const;
    const started = new WorkerProcess({ ...orders, ...more });
    this.#processes.push(started);
    return started;
  }

  /**
   * Runs a process into a failpoint, which may be the site of a step on the disk. Returns false when it ended well before
   * it came that far.
   */
  async crashAt(name: string, hits: number): Promise<boolean> {
    const sites = commitSites();
    const isSite = sites.some((site) => site.name === name);
    const one = this.spawn(
      isSite ? { kill: { site: name, nth: hits, sites } } : { failpoint: { name, hits } },
    );
    await one.ended();
    if (one.end?.signal === 'SIGKILL') return true;
    if (one.end?.code === 0) return false;
    throw new Error(
      `Expected a SIGKILL at ${name}, got ${JSON.stringify(one.end)}: ${one.said.slice(-3).join(' | ')}`,
    );
  }

  /** Lets one process do all that is left. Throws when it leaves something undone. */
  async finish(): Promise<void> {
    const last = this.spawn();
    await last.ended();
    if (last.said.includes('done')) return;
    throw new Error(
      `Expected everything done, got ${JSON.stringify(last.end)}: ${last.said.slice(-3).join(' | ')}`,
    );
  }

  /** Has everything up to now read once more, by whoever comes next. */
  async orderBackfill(): Promise<void> {
    const desk = await openOrderDesk(join(this.fleet.folder, 'crash.db'), this.fleet.clock);
    await desk.place(this.fleet.order());
    await desk.close();
  }

  /** Overwrites a page in the middle of the journal, with the note that a worker leaves that met it. */
  damageJournal(): void {
    const path = join(this.fleet.folder, 'crash.db');
    const bytes = readFileSync(path);
    const middle = Math.floor(bytes.length / 2 / PAGE_BYTES) * PAGE_BYTES;
    bytes.fill(0xa5, middle, middle + PAGE_BYTES);
    writeFileSync(path, bytes);
    writeFileSync(`${path}.damaged`, 'a page cannot be read');
  }

  /** Files of the journal, by what follows its name; without times, and the log of a damaged one counts with that. */
  journalFiles(): string[] {
    const names = readdirSync(this.fleet.folder).filter((name) => name.startsWith('crash.db'));
    const endings = names.map((name) => name.slice('crash.db'.length).replace(/-[\dT.-]+Z/, ''));
    return [...new Set(endings.map((name) => name.replace(/corrupt-(wal|shm)$/, 'corrupt')))].toSorted();
  }

  /** What is lost, twice, untrue or not told yet, and how often Splunk got an event again. */
  async verdict(): Promise<{
    readonly findings: string[];
    readonly repeats: number;
    readonly rows: number;
  }> {
    const runtime = await this.fleet.runtime('crash.db');
    const journal = await untrueOfJournal(this.fleet, runtime);
    const { findings, repeats } = await untrueOfSplunk(this.fleet, runtime);
    const rows = [
      ...(await rowsOf(runtime.journal, 'records')),
      ...(await rowsOf(runtime.journal, 'metrics')),
    ];
    const twice = rows.length - new Set(rows.map(({ eventId }) => eventId)).size;
    const { lines: settling, unreadable } = await settlingLines(runtime.journal);
    const unsettled = [...settling].map(
      ([unit, lines]) => `${lines} lines of ${unit} still settle: this is no end state`,
    );
    if (unreadable > 0) unsettled.push(`${unreadable} rows of what settles cannot be read`);
    await runtime.close();
    const doubled = twice === 0 ? [] : [`${twice} rows stand twice in the journal`];
    return { findings: [...journal, ...findings, ...doubled, ...unsettled], repeats, rows: rows.length };
  }

  async dispose(): Promise<void> {
    for (const { child, end } of this.#processes) if (end === undefined) child.kill('SIGKILL');
    await this.fleet.dispose();
  }
}

/** Most events that one crash may have Splunk get again: a row is up to two events, in each of its lanes. */
export const MOST_REPEATS = 2 * 2 * defaultLaneSettings.batchesInFlight * BATCH_ENTRIES;
