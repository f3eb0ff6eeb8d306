import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ACCESS_KEY, ACCOUNT, DYNATRACE_TOKEN, HEC_TOKEN } from '../bench-fleet.ts';
import { compiled, LAUNCH_ENVIRONMENT, LAUNCH_FLAGS } from '../compiled.ts';
import { LIVE_REGION } from './live-traffic.ts';

const START_MS = 60_000;
/** Of `/proc`, whatever the machine: USER_HZ. */
const TICKS_PER_SECOND = 100;
const MB = 1_048_576;

/** What the worker counts about itself. */
export interface ProductCounts {
  readonly seen: number;
  readonly settling: number;
  readonly skipped: number;
  readonly calls: number;
  readonly throttles: number;
}

/** `gatewatch run` in a process of its own: default settings, but for addresses and credentials. */
export class LiveProduct {
  readonly #child: ChildProcess;
  readonly #url: string;
  #peakRssMb = 0;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
  }

  /** `cpuProfile`: a folder for a profile of the processor time, where one is wanted. */
  static async start(options: {
    url: string;
    folder: string;
    cpuProfile?: string | undefined;
  }): Promise<LiveProduct> {
    const config = writeConfig(options.url, options.folder);
    const flags =
      options.cpuProfile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.cpuProfile}`];
    const child = spawn(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        ...LAUNCH_FLAGS,
        ...flags,
        await compiled('src/cli/main.ts'),
        'run',
        '--config',
        config,
      ],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, ...LAUNCH_ENVIRONMENT, ...awsEnvironment(options.url) },
      },
    );
    return new LiveProduct(child, await addressOf(child, join(options.folder, 'worker.log')));
  }

  /** Seconds of processor time of all its threads so far. */
  get cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** Memory now; the most of it is kept. */
  get rssMb(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    const inKb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
    this.#peakRssMb = Math.max(this.#peakRssMb, (inKb('VmHWM') * 1_024) / MB);
    return (inKb('VmRSS') * 1_024) / MB;
  }

  get peakRssMb(): number {
    return this.#peakRssMb;
  }

  async counts(): Promise<ProductCounts> {
    const page = await (await fetch(`${this.#url}/metrics`)).text();
    const sum = (name: string, label = '') =>
      page
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) && line.includes(label))
        .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
    return {
      seen: sum('gatewatch_events_seen_total'),
      settling: sum('gatewatch_lines_settling'),
      skipped: sum('gatewatch_schedule_skipped_total'),
      calls: sum('gatewatch_aws_requests_total', 'operation="FilterLogEvents"'),
      throttles: sum('gatewatch_aws_throttles_total', 'operation="FilterLogEvents"'),
    };
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null)
      throw new Error(`The worker ended by itself with ${this.#child.exitCode}`);
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
  }

  /** However the run ended: nothing is left behind. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

function awsEnvironment(url: string): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_REGION: LIVE_REGION,
    AWS_ACCESS_KEY_ID: ACCESS_KEY,
    AWS_SECRET_ACCESS_KEY: 'bench',
  };
}

/** Default settings, but for addresses and credentials. Returns the path. */
export function writeConfig(url: string, folder: string): string {
  writeFileSync(join(folder, 'pseudonym.key'), '0123456789abcdef0123456789abcdef');
  const path = join(folder, 'gatewatch.yaml');
  const config = {
    version: 1,
    accounts: { central: { accountId: ACCOUNT, regions: [LIVE_REGION] } },
    redaction: { keys: [{ id: 'k1', secret: '${file:pseudonym.key}' }] },
    journal: { path: 'live.db' },
    server: { port: 0 },
    sinks: {
      splunk: { type: 'splunk_hec', url, token: HEC_TOKEN, index: 'apigw' },
      dynatrace: { type: 'dynatrace_otlp', url: `${url}/api/v2/otlp`, token: DYNATRACE_TOKEN },
    },
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

/** Where its pages are, from the line in which it says that it runs. */
async function addressOf(child: ChildProcess, logPath: string): Promise<string> {
  const log = createWriteStream(logPath);
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (said: string) => {
    log.write(said);
    if (text.length < 65_536) text += said;
  });
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    const url =
      /gatewatch is running.*?(http:\/\/[\d.]+:\d+)|(http:\/\/[\d.]+:\d+).*?gatewatch is running/.exec(text);
    const found = url?.[1] ?? url?.[2];
    if (found !== undefined) return found;
    await sleep(50);
  }
  throw new Error(`Expected a worker that runs, got: ${text}`);
}
