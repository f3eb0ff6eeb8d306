import type { Clock } from '../../core/clock.ts';
import { silentLogger } from '../../core/logger.ts';
import { silentMeter } from '../../core/meter.ts';
import type { AlarmsHost } from '../alarms/alarm-session.ts';
import { requireConfig } from '../config-file.ts';
import type { CliContext } from '../context.ts';
import { createRuntime, type Runtime } from '../worker/runtime.ts';
import { type Sabotage, sabotageJournal } from './sabotage.ts';
import type { SandboxControl } from './sandbox-control.ts';
import type { Tally } from './tally.ts';

export interface DemoOptions {
  readonly once: boolean;
  readonly seed: string;
  readonly history: string;
  readonly rate: string;
  readonly faults: string;
  /** As `gatewatch sandbox --incident` takes it; absent: a time that fits. */
  readonly incident?: string;
  readonly sabotage?: Sabotage;
  readonly keep: boolean;
}

/** What the demo touches beside the context. */
export interface DemoHost {
  readonly interpreter: readonly [string, ...string[]];
  /** Sets a variable where the AWS SDK looks for its settings: it takes no endpoint from us. */
  setEnv(name: string, value: string): void;
  readonly random: () => number;
}

/** One demo under way: its sandbox, and the folder with configuration and journal. */
export interface Stage {
  readonly context: CliContext;
  readonly host: DemoHost;
  readonly alarms: AlarmsHost;
  readonly options: DemoOptions;
  readonly folder: string;
  readonly url: string;
  readonly control: SandboxControl;
  readonly startedMs: number;
  readonly signal: AbortSignal;
}

export async function openRuntime(
  stage: Stage,
  clock: Clock,
  tally: Tally,
  onSabotage: (id: string) => void,
): Promise<Runtime> {
  const { context, host, options } = stage;
  const { config } = requireConfig({ ...context, cwd: stage.folder }, 'gatewatch.yaml');
  const { sabotage } = options;
  const following = { ...config, alarms: { ...config.alarms, follow: true } };
  const fast = { metrics: '*/30 * * * * *', logs: '*/5 * * * * *', alarms: '*/5 * * * * *' };
  const paced = options.once ? following : { ...following, schedule: { ...config.schedule, ...fast } };
  return createRuntime(paced, {
    clock,
    logger: silentLogger,
    meter: silentMeter,
    random: host.random,
    readFile: (path) => context.readFile(path),
    owner: 'gatewatch demo',
    onCommit: (entries) => tally.take(entries),
    ...(sabotage !== undefined && {
      wrapJournal: (journal) => sabotageJournal(journal, sabotage, onSabotage),
    }),
  });
}

export function say(context: CliContext, text: string): void {
  context.stdout.write(`${text}\n`);
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
