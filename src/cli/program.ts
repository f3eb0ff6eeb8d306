import { Command } from 'commander';
import { createAlarmClients } from '../aws/alarm-clients.ts';
import { createAwsClients } from '../aws/aws-clients.ts';
import { createSystemClock } from '../core/clock.ts';
import { silentLogger } from '../core/logger.ts';
import { silentMeter } from '../core/meter.ts';
import { createSinks } from '../sinks/registry.ts';
import { openJournalReader } from '../store/open-journal.ts';
import { openOrderDesk } from '../store/order-desk.ts';
import type { AlarmsHost } from './alarms/alarm-session.ts';
import { listFilesBelow } from './alarms/list-files.ts';
import { askAtTerminal } from './ask-at-terminal.ts';
import { createAlarmsCommand } from './commands/alarms.ts';
import { createAuditCommand } from './commands/audit.ts';
import { authorizerCommand } from './commands/authorizer.ts';
import { type BackfillHost, createBackfillCommand } from './commands/backfill.ts';
import { createConfigCommand } from './commands/config.ts';
import { createCostCommand } from './commands/cost.ts';
import { createDeadLettersCommand } from './commands/dead-letters.ts';
import { createDemoCommand } from './commands/demo.ts';
import { createFieldsCommand } from './commands/fields.ts';
import { createInitCommand } from './commands/init.ts';
import { createLedgerCommand } from './commands/ledger.ts';
import { createOrdersCommand } from './commands/orders.ts';
import { createRedactCommand } from './commands/redact.ts';
import { createReplayCommand, type ReplayHost } from './commands/replay.ts';
import { createOnceCommand, createRunCommand, type WorkerHost, withRuntime } from './commands/run.ts';
import { sandboxCommand } from './commands/sandbox.ts';
import type { CliContext } from './context.ts';
import type { DemoHost } from './demo/demo-stage.ts';
import type { OrderHost } from './follow-order.ts';
import { accountSettingsOf } from './worker/config-to-settings.ts';

/** The whole command line. Every command is handed what it touches of the outside. */
export function createProgram(context: CliContext, host: WorkerHost & DemoHost): Command {
  const program = new Command('gatewatch')
    .description(
      'Exports Amazon API Gateway metrics and correlated access and authorizer logs to Splunk and Dynatrace, and keeps an audit trail of its own.',
    )
    .version(host.version)
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    })
    .showHelpAfterError('(run it with --help to see what it takes)')
    .addHelpText(
      'after',
      '\nStart here:\n  gatewatch demo                 watch the whole job against a sandbox\n  gatewatch init                 write a first gatewatch.yaml\n  gatewatch config check         see what is wrong with it\n  gatewatch cost                 see what it would cost\n  gatewatch run                  do it\n\nExit codes:\n  0  done\n  1  an error, said on standard error, or a check that failed, such as ledger or audit verify\n  2  a difference was found: alarms plan, drift, backtest, coverage\n  3  nothing there, or a part left undone\n 70  a defect of Gatewatch: report it with what it printed\n130  stopped with Ctrl-C before it was done: backfill, or any other at the second Ctrl-C',
    );
  const commands = [
    createDemoCommand(context, host, alarmsConnections, host.stopSignal),
    createInitCommand(context),
    createConfigCommand(context),
    createCostCommand(context, {
      connect: connectForCost,
      get signal() {
        return host.stopSignal();
      },
    }),
    createRunCommand(context, host),
    createOnceCommand(context, host),
    createBackfillCommand(context, backfillHost(context, host)),
    createLedgerCommand(context, openJournalReader),
    createReplayCommand(context, replayHost(context, host)),
    createOrdersCommand(context, openJournalReader),
    createDeadLettersCommand(context, openJournalReader, {
      ...orderDesk(host),
      get signal() {
        return host.stopSignal();
      },
    }),
    createAuditCommand(context, openJournalReader),
    createAlarmsCommand(context, alarmsHost(host)),
    authorizerCommand(context),
    createRedactCommand(context),
    createFieldsCommand(context),
    sandboxCommand(context),
  ];
  for (const command of commands) program.addCommand(inheritOutput(program, command));
  return program;
}

function backfillHost(context: CliContext, host: WorkerHost): BackfillHost {
  return {
    ...orderDesk(host),
    get signal() {
      return host.stopSignal();
    },
    connect: connectForCost,
    withRuntime: (config, work) => withRuntime(context, host, config, 'warn', work),
    confirm: (question) => askAtTerminal(question),
  };
}

function replayHost(context: CliContext, host: WorkerHost): ReplayHost {
  const { random } = host;
  const readFile = (path: string) => context.readFile(path);
  return {
    ...orderDesk(host),
    get signal() {
      return host.stopSignal();
    },
    openReader: openJournalReader,
    createSinks: (config) =>
      createSinks(config.sinks, {
        clock: createSystemClock(),
        logger: silentLogger,
        meter: silentMeter,
        random,
        readFile,
      }),
  };
}

/** Without the signal, which every host asks for when it is needed: whoever asks takes over Ctrl-C. */
function orderDesk({ operator }: WorkerHost): Omit<OrderHost, 'signal'> {
  const clock = createSystemClock();
  return { openDesk: (path) => openOrderDesk(path, clock), clock, operator };
}

function alarmsHost(host: WorkerHost): AlarmsHost {
  return {
    ...alarmsConnections,
    get signal() {
      return host.stopSignal();
    },
    confirm: (question) => askAtTerminal(question),
    openJournal: openJournalReader,
  };
}

const alarmsConnections: Pick<AlarmsHost, 'connect' | 'connectAlarms' | 'listFiles'> = {
  connect: (config) => connect(config, WAITED_FOR_SHARE),
  connectAlarms: (config) =>
    createAlarmClients({
      accounts: accountSettingsOf(config),
      clock: createSystemClock(),
      logger: silentLogger,
      meter: silentMeter,
    }),
  listFiles: listFilesBelow,
};

/** Somebody waits at a terminal while hundreds of APIs are listed: a larger share of ten calls a second is a minute less. */
const WAITED_FOR_SHARE = 0.85;

function connectForCost(config: Parameters<typeof accountSettingsOf>[0]) {
  return connect(config);
}

function connect(config: Parameters<typeof accountSettingsOf>[0], quotaShare?: number) {
  return createAwsClients({
    accounts: accountSettingsOf(config),
    clock: createSystemClock(),
    logger: silentLogger,
    meter: silentMeter,
    ...(quotaShare === undefined ? {} : { quotaShare }),
  });
}

/** Commands made on their own do not take over the parent's output by themselves; neither do their own sub-commands. */
function inheritOutput(parent: Command, command: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inheritOutput(command, child);
  return command;
}
