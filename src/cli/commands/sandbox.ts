import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { formatDuration, parseDuration } from '../../core/duration.ts';
import { messageOf, UserError } from '../../core/errors.ts';
import { type Logger, silentLogger } from '../../core/logger.ts';
import { faultCatalog, faultNames, outageNames, parseFaults } from '../../sandbox/faults.ts';
import {
  createRehearsalWorld,
  type Rehearsal,
  type RehearsalSettings,
  startRehearsal,
} from '../../sandbox/rehearsal.ts';
import { rehearsalConfig } from '../../sandbox/rehearsal-config.ts';
import { REHEARSAL_DYNATRACE_TOKEN, REHEARSAL_HEC_TOKEN } from '../../sandbox/rehearsal-secrets.ts';
import type { CliContext } from '../context.ts';
import { createSystemContext } from '../system-context.ts';

interface SandboxOptions {
  readonly seed: string;
  readonly history: string;
  readonly until?: string;
  readonly rate: string;
  readonly faults: string;
  readonly incident: string;
  readonly quotas: 'aws' | 'off';
  readonly port: string;
  readonly host: string;
  readonly frozen?: true;
  readonly writeConfig?: string;
  readonly json?: true;
  readonly truth?: true;
}

/** Long enough for an alarm of three periods of five minutes to fire and clear. */
export const DEFAULT_INCIDENT = '25m,15m';

const KEY_BYTES = 32;
const MINUTE_MS = 60_000;

/**
 * `gatewatch sandbox`: stand-ins for AWS, Splunk and Dynatrace with a fleet and its traffic, on one port of this
 * machine. `untilStopped` resolves when it shall end.
 */
export function sandboxCommand(
  context: CliContext = createSystemContext(),
  untilStopped: () => Promise<void> = untilStopSignal,
): Command {
  return new Command('sandbox')
    .description('serve stand-ins for AWS, Splunk and Dynatrace with a made-up fleet, to rehearse against')
    .option('--seed <number>', 'the same seed makes the same fleet and traffic', '1')
    .option('--history <duration>', 'length of the traffic made before it starts', '2h')
    .option('--until <time>', 'end of the history, as ISO 8601 (default: this minute)')
    .option('--rate <number>', 'requests a second over the whole fleet', '50')
    .option('--faults <list>', 'none, usual, all, or names separated by commas (see below)', 'usual')
    .option(
      '--incident <when>',
      'orders-api/prod is slow, from so long before the end of the history, for so long; or none',
      DEFAULT_INCIDENT,
    )
    .addOption(
      new Option('--quotas <which>', 'refuse calls above AWS quotas').choices(['aws', 'off']).default('aws'),
    )
    .option('--port <number>', 'port to listen on; 0 picks a free one', '4599')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--frozen', 'let time stand at the end of the history plus the longest lag')
    .option('--write-config <folder>', 'write gatewatch.yaml and its token and key files for this sandbox')
    .option('--json', 'print one JSON line when ready, instead of text')
    .option('--truth', 'print what is true of the history as JSON lines, and end')
    .addHelpText('after', helpText)
    .action((options: SandboxOptions) => run(context, options, untilStopped));
}

function helpText(): string {
  const rows = faultNames.map((name) => `  ${name.padEnd(20)} ${faultCatalog[name].does}`);
  const usual = faultNames.filter((name) => faultCatalog[name].usual).join(',');
  return [
    '',
    'Faults:',
    ...rows,
    `  usual = ${usual}`,
    `  all = every one but those that last until they are switched off: ${outageNames.join(', ')}`,
    '',
    'Example:',
    '  gatewatch sandbox --history 30m --rate 20 --faults late,throttle --write-config .',
  ].join('\n');
}

async function run(
  context: CliContext,
  options: SandboxOptions,
  untilStopped: () => Promise<void>,
): Promise<void> {
  const settings = readSettings(context, options);
  if (options.truth) {
    printTruth(context, settings);
    return;
  }
  if (!options.json) {
    context.stderr.write(`Making ${options.history} of traffic at ${options.rate} requests a second …\n`);
  }
  // Listening first: a port that is taken is said at once, not after all the traffic was made.
  const rehearsal = await startRehearsal({ ...settings, early: true });
  try {
    if (!options.json) await rehearsal.history;
    if (options.writeConfig !== undefined) writeFiles(context, rehearsal, options.writeConfig);
    context.stdout.write(options.json ? readyJson(rehearsal) : readyText(rehearsal, options));
    const stopped = untilStopped();
    await Promise.race([stopped, rehearsal.history.then(() => stopped)]);
  } finally {
    await rehearsal.sandbox.close();
  }
}

function readSettings(context: CliContext, options: SandboxOptions): RehearsalSettings {
  return {
    seed: numberOf('--seed', options.seed, { min: 0, max: 2 ** 32 - 1, whole: true }),
    historyMs: historyOf(options.history),
    ...(options.until === undefined ? {} : { historyToMs: timeOf(options.until) }),
    ratePerSecond: numberOf('--rate', options.rate, { min: 0.01, max: 100_000, whole: false }),
    faults: parseFaults(options.faults),
    ...incidentOf(options.incident),
    port: numberOf('--port', options.port, { min: 0, max: 65_535, whole: true }),
    host: options.host,
    frozen: options.frozen ?? false,
    hostClock: context,
    logger: errorsTo(context),
    server: { quotas: options.quotas },
  };
}

function numberOf(name: string, text: string, bounds: { min: number; max: number; whole: boolean }): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= bounds.min && value <= bounds.max && (!bounds.whole || Number.isInteger(value))) return value;
  const kind = bounds.whole ? 'a whole number' : 'a number';
  throw new UserError(
    'sandbox_option',
    `Expected ${name} to be ${kind} from ${bounds.min} to ${bounds.max}, got \`${text}\`.`,
  );
}

function historyOf(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= MINUTE_MS) return Math.floor(ms / MINUTE_MS) * MINUTE_MS;
  throw new UserError(
    'sandbox_option',
    `Expected --history to be a duration from 1m, like 2h, got \`${text}\`.`,
  );
}

/** `25m,15m`: when it begins before the end of the history, and how long it lasts. */
function incidentOf(text: string): Pick<RehearsalSettings, 'incident'> {
  if (text === 'none') return {};
  const [beforeEndMs, lengthMs, ...rest] = text.split(',').map((part) => parseDuration(part.trim()));
  if (beforeEndMs !== undefined && lengthMs !== undefined && rest.length === 0) {
    return { incident: { beforeEndMs, lengthMs } };
  }
  throw new UserError(
    'sandbox_option',
    `Expected --incident to be two durations like ${DEFAULT_INCIDENT}, or none, got \`${text}\`.`,
  );
}

function timeOf(text: string): number {
  const ms = Date.parse(text);
  if (Number.isFinite(ms)) return ms;
  throw new UserError(
    'sandbox_option',
    `Expected --until to be a time like 2026-11-01T12:00:00Z, got \`${text}\`.`,
  );
}

/** Only what went wrong inside the sandbox itself is worth a line; refusals are its work. */
function errorsTo(context: CliContext): Logger {
  return {
    ...silentLogger,
    error: (fields, message) => context.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
  };
}

function printTruth(context: CliContext, settings: RehearsalSettings): void {
  const world = createRehearsalWorld(settings);
  for (const row of world.truth(world.historyToMs + world.longestLagMs)) {
    context.stdout.write(`${JSON.stringify(row)}\n`);
  }
}

/** `gatewatch.yaml` and the token files are made anew; a key that exists stays, as pseudonyms hang on it. */
function writeFiles(context: CliContext, { sandbox, world }: Rehearsal, folder: string): void {
  const at = (name: string) => join(resolve(context.cwd, folder), name);
  const config = rehearsalConfig(world, {
    url: sandbox.url,
    journalPath: 'gatewatch.db',
    pseudonymKeyFile: 'pseudonym.key',
    hecTokenFile: 'hec.token',
    dynatraceTokenFile: 'dynatrace.token',
  });
  write(context, at('gatewatch.yaml'), config, 0o644);
  write(context, at('hec.token'), `${REHEARSAL_HEC_TOKEN}\n`, 0o600);
  write(context, at('dynatrace.token'), `${REHEARSAL_DYNATRACE_TOKEN}\n`, 0o600);
  if (context.fileExists(at('pseudonym.key'))) return;
  const key = Buffer.from(context.randomBytes(KEY_BYTES)).toString('base64url');
  write(context, at('pseudonym.key'), `${key}\n`, 0o600);
}

function write(context: CliContext, path: string, text: string, mode: number): void {
  try {
    context.writeFile(path, text, { mode, replace: true });
  } catch (cause) {
    const why = `Expected to write ${path}, got ${messageOf(cause)}; check that the folder exists and is yours`;
    throw new UserError('sandbox_write', why, { cause });
  }
}

function readyJson({ sandbox, world, clock }: Rehearsal): string {
  const line = {
    ready: true,
    url: sandbox.url,
    port: sandbox.port,
    nowMs: clock.now(),
    frozen: clock.frozen,
    historyFromMs: world.historyFromMs,
    historyToMs: world.historyToMs,
    longestLagMs: world.longestLagMs,
    hecToken: REHEARSAL_HEC_TOKEN,
    dynatraceToken: REHEARSAL_DYNATRACE_TOKEN,
  };
  return `${JSON.stringify(line)}\n`;
}

function readyText({ sandbox, world, clock }: Rehearsal, options: SandboxOptions): string {
  const { url } = sandbox;
  const region = world.accounts[0]?.regions[0] ?? 'eu-west-1';
  const history = formatDuration(world.historyToMs - world.historyFromMs);
  const end = new Date(world.historyToMs).toISOString();
  const time = clock.frozen ? `time stands at ${new Date(clock.now()).toISOString()}` : 'time runs';
  const lines = [
    `Sandbox ready at ${url} (seed ${options.seed}, history ${history} to ${end}, ${time})`,
    '',
    'AWS, for any SDK or the AWS CLI:',
    `  export AWS_ENDPOINT_URL=${url} AWS_REGION=${region} AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox`,
    `Splunk HEC:      ${url} with token ${REHEARSAL_HEC_TOKEN}`,
    `Dynatrace OTLP:  ${url}/api/v2/otlp with token ${REHEARSAL_DYNATRACE_TOKEN}`,
    `What it did:     ${url}/_sandbox/stats`,
    `Make it slow:    curl -d '{"minutes":10}' ${url}/_sandbox/incident`,
    ...(options.writeConfig === undefined
      ? []
      : [`Configuration:   ${join(options.writeConfig, 'gatewatch.yaml')}`]),
    'Ctrl-C stops it.',
  ];
  return `${lines.join('\n')}\n`;
}

/** Resolves at the first SIGINT or SIGTERM and leaves no listener behind. */
function untilStopSignal(): Promise<void> {
  return new Promise((resolveStopped) => {
    const stop = () => {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
      resolveStopped();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}
