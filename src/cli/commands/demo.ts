import { Command, Option } from 'commander';
import type { AlarmsHost } from '../alarms/alarm-session.ts';
import type { CliContext } from '../context.ts';
import type { DemoHost, DemoOptions } from '../demo/demo-stage.ts';
import { runDemo } from '../demo/run-demo.ts';
import { SABOTAGES, type Sabotage } from '../demo/sabotage.ts';

interface Options {
  readonly once?: true;
  readonly keep?: true;
  readonly seed: string;
  readonly history: string;
  readonly rate: string;
  readonly faults: string;
  readonly incident?: string;
  readonly sabotage?: Sabotage;
}

/** `gatewatch demo`: a sandbox and a worker, and either a live view or a comparison with the truth. */
export function createDemoCommand(
  context: CliContext,
  host: DemoHost,
  connectAlarms: Pick<AlarmsHost, 'connect' | 'connectAlarms' | 'listFiles'>,
  stopSignal: () => AbortSignal,
): Command {
  return new Command('demo')
    .description('run the whole job against a sandbox: live, or once with a comparison to the truth')
    .option(
      '--once',
      'freeze the clock after the history, run it through, compare with the truth; exit 1 on a difference',
    )
    .option('--seed <number>', 'the same seed makes the same traffic', '1')
    .option('--history <duration>', 'traffic made before the start', '2h')
    .option('--rate <number>', 'requests a second', '14.3')
    .option('--faults <list>', 'none, usual, all, or names as of `gatewatch sandbox --help`', 'usual')
    .option(
      '--incident <when>',
      'slow spell that an alarm fires for, as of `gatewatch sandbox --help` (default: one that fits)',
    )
    .addOption(
      new Option(
        '--sabotage <what>',
        'spoil one record on its way into the journal: the comparison must name it',
      ).choices(SABOTAGES),
    )
    .option('--keep', 'keep the folder with configuration and journal, and say where it is')
    .addHelpText(
      'after',
      '\nExamples:\n  gatewatch demo\n  gatewatch demo --once --history 30m --sabotage drop',
    )
    .action(async (options: Options) => {
      const { once = false, keep = false, ...rest } = options;
      const demo: DemoOptions = { ...rest, once: once || rest.sabotage !== undefined, keep };
      context.setExitCode(await runDemo(context, host, connectAlarms, demo, stopSignal()));
    });
}
