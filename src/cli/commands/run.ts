import { Command, Option } from 'commander';
import type { GatewatchConfig } from '../../config/gatewatch-config.ts';
import { createSystemClock } from '../../core/clock.ts';
import { formatDuration, parseDuration } from '../../core/duration.ts';
import { messageOf, UserError } from '../../core/errors.ts';
import { createRedactor } from '../../redact/redactor.ts';
import { createTelemetry, type Telemetry } from '../../telemetry/telemetry.ts';
import { startWebServer } from '../../web/web-server.ts';
import { requireAlarmFiles } from '../alarms/alarm-session.ts';
import { listFilesBelow } from '../alarms/list-files.ts';
import { DEFAULT_CONFIG_PATH, requireConfig } from '../config-file.ts';
import type { CliContext } from '../context.ts';
import { type HealthState, readinessOf } from '../worker/health.ts';
import { ReopeningRuntime } from '../worker/reopening.ts';
import { createRuntime, type Runtime } from '../worker/runtime.ts';

/** What a worker command needs beside the context. */
export interface WorkerHost {
  /** Aborts at the first SIGINT or SIGTERM; a second one ends the process at once. */
  readonly stopSignal: () => AbortSignal;
  readonly random: () => number;
  readonly version: string;
  /** Host and process id, for people. */
  readonly owner: string;
  /** Operating-system name of whoever runs this, for people. */
  readonly operator: string;
}

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** `gatewatch run`: reads, joins and delivers until it is stopped. */
export function createRunCommand(context: CliContext, host: WorkerHost): Command {
  return new Command('run')
    .description(
      'read, join and deliver by schedule until stopped; serves /healthz, /readyz, /metrics and /status',
    )
    .option('-c, --config <path>', 'configuration file', DEFAULT_CONFIG_PATH)
    .option('--log-level <level>', LOG_LEVELS.join(', '), logLevel, 'info')
    .addHelpText('after', '\nExample:\n  gatewatch run --config /etc/gatewatch/gatewatch.yaml')
    .action(async (options: { config: string; logLevel: LogLevel }) => {
      const { config } = requireConfig(context, options.config);
      await withTelemetry(host, config, options.logLevel, async (telemetry) => {
        const open = () => openRuntime(context, host, config, telemetry);
        const reopening = await ReopeningRuntime.open({ ...telemetry, clock: createSystemClock(), open });
        try {
          await serve(reopening, telemetry, config, host);
        } finally {
          await reopening.close();
        }
      });
    });
}

/** `gatewatch once`: everything up to now, then ends. */
export function createOnceCommand(context: CliContext, host: WorkerHost): Command {
  return new Command('once')
    .description(
      'read everything up to now, deliver it and end; exit 3 when the deadline came first or something is held',
    )
    .option('-c, --config <path>', 'configuration file', DEFAULT_CONFIG_PATH)
    .addOption(
      new Option('--deadline <duration>', 'longest it may take').argParser(deadline).default(600_000, '10m'),
    )
    .option('--log-level <level>', LOG_LEVELS.join(', '), logLevel, 'warn')
    .addHelpText('after', '\nExample:\n  gatewatch once --deadline 5m')
    .action(async (options: { config: string; deadline: number; logLevel: LogLevel }) => {
      const { config } = requireConfig(context, options.config);
      await withRuntime(context, host, config, options.logLevel, async (runtime) => {
        const timeUp = AbortSignal.timeout(options.deadline);
        const stop = host.stopSignal();
        const left = await onceUntil(runtime, AbortSignal.any([stop, timeUp]), timeUp);
        reportOnce(context, runtime);
        if (left.length === 0) return;
        context.stderr.write(leftText(left, { stop, timeUp, deadlineMs: options.deadline }));
        context.setExitCode(3);
      });
    });
}

/** A deadline that comes before there is anything to report on is told like any other: what is left is all of it. */
async function onceUntil(
  runtime: Runtime,
  signal: AbortSignal,
  timeUp: AbortSignal,
): Promise<readonly string[]> {
  try {
    return await runtime.worker.once(signal);
  } catch (error) {
    if (!timeUp.aborted || error !== timeUp.reason) throw error;
    return ['the deadline came before the APIs were listed: nothing was read'];
  }
}

/** Opens everything a worker needs, does the work, and closes it in good order whatever came of it. */
export async function withRuntime(
  context: CliContext,
  host: WorkerHost,
  config: GatewatchConfig,
  level: LogLevel,
  work: (runtime: Runtime) => Promise<void>,
): Promise<void> {
  await withTelemetry(host, config, level, async (telemetry) => {
    const runtime = await openRuntime(context, host, config, telemetry);
    try {
      await work(runtime);
    } finally {
      await runtime.close();
    }
  });
}

async function withTelemetry(
  host: WorkerHost,
  config: GatewatchConfig,
  level: LogLevel,
  work: (telemetry: Telemetry) => Promise<void>,
): Promise<void> {
  const telemetry = createTelemetry({
    version: host.version,
    instanceId: host.owner,
    clock: createSystemClock(),
    logLevel: level,
    logDestination: 'stderr',
    redactText: createRedactor(config.redaction).text,
    ...(config.telemetry.otlp !== undefined && { otlp: config.telemetry.otlp }),
  });
  try {
    await work(telemetry);
  } finally {
    await telemetry.shutdown();
  }
}

function openRuntime(
  context: CliContext,
  host: WorkerHost,
  config: GatewatchConfig,
  telemetry: Telemetry,
): Promise<Runtime> {
  return createRuntime(config, {
    ...telemetry,
    clock: createSystemClock(),
    random: host.random,
    readFile: (path) => context.readFile(path),
    owner: host.owner,
    loadAlarms: (dir) => requireAlarmFiles(context, { listFiles: listFilesBelow }, dir),
  });
}

async function serve(
  reopening: ReopeningRuntime,
  telemetry: Telemetry,
  config: GatewatchConfig,
  host: WorkerHost,
): Promise<void> {
  const clock = createSystemClock();
  const state: HealthState = { startedMs: clock.now(), stopping: false };
  const signal = host.stopSignal();
  const server = await startWebServer({
    ...config.server,
    clock,
    logger: telemetry.logger,
    readiness: () => readinessOf(reopening.current, config, reopening.current.clock, state),
    metrics: (request, response) => telemetry.serveMetrics(request, response),
    status: () => statusPage(reopening.current),
  });
  telemetry.logger.info({ url: server.url, journal: config.journal.path }, 'gatewatch is running');
  const stopping = () => {
    state.stopping = true;
    telemetry.logger.info({}, 'stopping: what is under way is finished or left for the next start');
  };
  signal.addEventListener('abort', stopping, { once: true });
  try {
    await reopening.run(signal);
  } finally {
    await server.close();
  }
}

function statusPage(runtime: Runtime): unknown {
  const { inventory, ...rest } = runtime.worker.status();
  const stages = inventory?.stages.map(({ account, region, apiName, apiId, stage, protocol }) => ({
    account,
    region,
    apiName,
    apiId,
    stage,
    protocol,
  }));
  return {
    ...rest,
    inventory: {
      complete: inventory?.complete ?? false,
      stages: stages ?? [],
      problems: inventory?.problems ?? [],
    },
  };
}

function reportOnce(context: CliContext, runtime: Runtime): void {
  for (const { lane, counts } of runtime.worker.status().lanes) {
    const { accepted, rejected, rejectedUnknown, expired, filtered } = counts;
    context.stdout.write(
      `${lane.name}: ${accepted} accepted, ${rejected + rejectedUnknown} rejected, ${expired} expired, ${filtered} filtered\n`,
    );
  }
}

/** What is left undone and what ended it: a person, the time, or neither, where only mending it helps. */
export function leftText(
  left: readonly string[],
  ended: { readonly stop: AbortSignal; readonly timeUp: AbortSignal; readonly deadlineMs: number },
): string {
  const until = ended.timeUp.aborted ? ` within ${formatDuration(ended.deadlineMs)} (--deadline)` : '';
  const why = ended.stop.aborted ? ` (${messageOf(ended.stop.reason)})` : until;
  return [`Not everything was done${why}:`, ...left.map((reason) => `  ${reason}`), ''].join('\n');
}

function deadline(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new UserError('option', `Expected --deadline to be a duration like 5m, got \`${text}\`.`);
}

function logLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((one) => one === text);
  if (level !== undefined) return level;
  throw new UserError(
    'option',
    `Expected --log-level to be one of ${LOG_LEVELS.join(', ')}, got \`${text}\`.`,
  );
}
