import { join, resolve } from 'node:path';
import { type Expansion, expandAlarms } from '../../alarms/expand-alarms.ts';
import { expandWithinRoom } from '../../alarms/filter-room.ts';
import {
  type AlarmDirectory,
  type AlarmFiles,
  loadAlarmFiles,
} from '../../alarms/format/load-alarm-files.ts';
import { idleSelectors } from '../../alarms/idle-selectors.ts';
import type { Scope } from '../../alarms/observe-alarms.ts';
import { type AlarmPlan, planAlarms } from '../../alarms/plan-alarms.ts';
import { asksForTimeouts } from '../../alarms/preset-needs.ts';
import type { AlarmClients } from '../../aws/alarm-clients.ts';
import type { AwsClients } from '../../aws/aws-clients.ts';
import type { GatewatchConfig } from '../../config/gatewatch-config.ts';
import { messageOf, UserError } from '../../core/errors.ts';
import { formatProblem, type Problem } from '../../documents/problem.ts';
import { createEnvResolver, createFileResolver } from '../../documents/references.ts';
import { discoverInventory } from '../../inventory/discover-inventory.ts';
import { withIntegrationTimeouts } from '../../inventory/integration-timeouts.ts';
import { inventorySettingsOf } from '../../inventory/inventory-settings.ts';
import { withListedClasses } from '../../inventory/log-group-classes.ts';
import type { Inventory } from '../../model/inventory.ts';
import type { JournalReader } from '../../model/journal.ts';
import { requireConfig } from '../config-file.ts';
import type { CliContext } from '../context.ts';
import { withPublished } from '../worker/signal-publishing.ts';

/** What the commands of `gatewatch alarms` touch beside the context. */
export interface AlarmsHost {
  readonly signal: AbortSignal;
  readonly connect: (config: GatewatchConfig) => AwsClients;
  readonly connectAlarms: (config: GatewatchConfig) => AlarmClients;
  /** Every file below a folder, relative to it. Throws when the folder cannot be read. */
  readonly listFiles: (folder: string) => readonly string[];
  /** Asks a person; false where nobody can be asked. */
  readonly confirm: (question: string) => Promise<boolean>;
  /** Opens a journal for reading, beside a running worker; absent: nothing is replayed from it. */
  readonly openJournal?: (path: string) => Promise<JournalReader>;
}

export interface AlarmOptions {
  readonly dir: string;
  readonly config: string;
  readonly json?: true;
}

/** Reads the directory of alarms. Throws one `UserError` with every problem of every file. */
export function requireAlarmFiles(
  context: CliContext,
  host: Pick<AlarmsHost, 'listFiles'>,
  dir: string,
): AlarmFiles {
  const result = loadAlarmFiles(alarmDirectory(context, host, dir));
  if (result.ok) return result.files;
  throw new UserError('alarms_invalid', result.problems.map((problem) => inFolder(dir, problem)).join('\n'));
}

/** The texts of the folder, and what its references mean. */
export function alarmDirectory(
  context: CliContext,
  host: Pick<AlarmsHost, 'listFiles'>,
  dir: string,
): AlarmDirectory {
  const folder = resolve(context.cwd, dir);
  return {
    files: yamlFilesIn(host, folder).map((path) => ({ path, text: context.readFile(join(folder, path)) })),
    resolvers: new Map([
      ['env', createEnvResolver(context.env)],
      ['file', createFileResolver(folder, (path) => context.readFile(path))],
    ]),
  };
}

function yamlFilesIn(host: Pick<AlarmsHost, 'listFiles'>, folder: string): readonly string[] {
  try {
    return host.listFiles(folder).filter((path) => /\.ya?ml$/.test(path));
  } catch (error) {
    throw new UserError(
      'alarms_dir',
      `Expected a readable folder of alarms, got ${folder}: ${messageOf(error)}. Name it with --dir`,
      { cause: error },
    );
  }
}

/** Problems name files relative to the folder; people open them from where they stand. */
export function inFolder(dir: string, problem: Problem): string {
  return formatProblem({ ...problem, file: join(dir, problem.file) });
}

/** The APIs of a configuration, listed. */
export async function listInventory(
  context: CliContext,
  host: AlarmsHost,
  config: GatewatchConfig,
): Promise<{ readonly inventory: Inventory; readonly scopes: readonly Scope[] }> {
  const clients = host.connect(config);
  try {
    const settings = inventorySettingsOf(config, clients.accounts);
    const listed = await discoverInventory(clients, settings, host.signal, context.now());
    const inventory = await withListedClasses(listed, clients, host.signal);
    for (const problem of inventory.problems) {
      context.stderr.write(`${problem.account}, ${problem.region}: ${problem.what}: ${problem.reason}\n`);
    }
    const scopes = clients.accounts.flatMap(({ accountId, regions }) =>
      regions.map((region) => ({ account: accountId, region })),
    );
    return { inventory, scopes };
  } finally {
    clients.close();
  }
}

export interface Session {
  readonly config: GatewatchConfig;
  readonly files: AlarmFiles;
  readonly inventory: Inventory;
  readonly scopes: readonly Scope[];
  readonly clients: AlarmClients;
}

/** Files, APIs and clients for one command; the clients are closed when the work is done. */
export async function withSession<T>(
  context: CliContext,
  host: AlarmsHost,
  options: AlarmOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { config } = requireConfig(context, options.config);
  const files = withPublished(requireAlarmFiles(context, host, options.dir), config);
  const { inventory: listed, scopes } = await listInventory(context, host, config);
  const clients = host.connectAlarms(config);
  try {
    const inventory = asksForTimeouts(files)
      ? await withIntegrationTimeouts(listed, (call) => clients.listIntegrations(call), host.signal)
      : listed;
    return await work({ config, files, inventory, scopes, clients });
  } finally {
    clients.close();
  }
}

/** What the files give with room in log groups counted; problems are told, and so is where nothing could be counted. */
export async function expanded(
  context: CliContext,
  host: AlarmsHost,
  options: AlarmOptions,
  session: Session,
): Promise<Expansion> {
  const { expansion, unread } = await expandWithinRoom({ ...session, signal: host.signal });
  tellProblems(context, options.dir, expansion);
  for (const [scope, reason] of unread) {
    context.stderr.write(`${scope}: metric filters of log groups could not be counted: ${reason}\n`);
  }
  return expansion;
}

/** Plans, and refuses to go on when the files have errors. Warnings are printed. */
export async function planned(
  context: CliContext,
  host: AlarmsHost,
  options: AlarmOptions,
  session: Session,
  adopted?: ReadonlySet<string>,
): Promise<AlarmPlan> {
  const { files, inventory, clients, scopes } = session;
  for (const idle of idleSelectors(files, inventory)) {
    context.stderr.write(`${inFolder(options.dir, idle)}\n`);
  }
  tellProblems(context, options.dir, expandAlarms(files, inventory));
  return planAlarms({
    files,
    inventory,
    clients,
    scopes,
    muteRules: session.config.alarms.muteRules,
    signal: host.signal,
    ...(adopted === undefined ? {} : { adopted }),
  });
}

/** Warnings go to stderr, errors end the command with all of them. */
export function tellProblems(context: CliContext, dir: string, expansion: Expansion): void {
  const errors = expansion.problems.filter((problem) => problem.severity === 'error');
  for (const problem of expansion.problems) {
    if (problem.severity === 'warning') context.stderr.write(`${inFolder(dir, problem)}\n`);
  }
  if (errors.length === 0) return;
  throw new UserError(
    'alarms_invalid',
    [...new Set(errors.map((problem) => inFolder(dir, problem)))].join('\n'),
  );
}
