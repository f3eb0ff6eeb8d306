import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { expandAlarms } from '../../alarms/expand-alarms.ts';
import { observedAlarm } from '../../alarms/observe-alarms.ts';
import { isAboutApis, metricsOf } from '../../alarms/pull/place-alarm.ts';
import { type Pulled, pullAlarms } from '../../alarms/pull/pull-alarms.ts';
import { leftOutText } from '../../alarms/pull/pull-text.ts';
import { UserError } from '../../core/errors.ts';
import { matchesGlob } from '../../inventory/glob.ts';
import { type ObservedResource, resourceKeyText } from '../../model/managed-resource.ts';
import { OWNER_TAGS } from '../../plan/ownership.ts';
import {
  type AlarmOptions,
  type AlarmsHost,
  alarmDirectory,
  type Session,
  withSession,
} from '../alarms/alarm-session.ts';
import type { CliContext } from '../context.ts';

interface PullOptions extends AlarmOptions {
  readonly match?: string;
  readonly tag?: string;
  readonly out?: string;
  readonly force?: true;
}

/** `gatewatch alarms pull`: files from what exists, so that nobody has to type an account off. */
export function pullCommand(context: CliContext, host: AlarmsHost): Command {
  return new Command('pull')
    .description(
      'write files from alarms that exist in AWS and that no file of the folder has: those on metrics of API Gateway, or those chosen',
    )
    .option('--match <glob>', 'alarms of this name, whatever they watch')
    .option('--tag <key=value>', 'alarms with this tag, whatever they watch')
    .option('-o, --out <path>', 'a new file, or a folder where there are several sets (default: print them)')
    .option('--force', 'replace files that exist')
    .option('--json', 'what was pulled, and what could not be said, as JSON')
    .addHelpText('after', "\nExample:\n  gatewatch alarms pull --match 'orders-*' --out alarms/pulled.yaml")
    .action(async (options: PullOptions) => {
      const lenient = {
        ...host,
        listFiles: (folder: string) => filesBeside(context, host, folder, options.out),
      };
      await withSession(context, lenient, options, async (session) => {
        const expansion = expandAlarms(session.files, session.inventory);
        const declared = new Set(expansion.resources.map(({ key }) => resourceKeyText(key)));
        const chosen = await chosenAlarms(session, expansion.workspace, options, host.signal);
        const alarms = chosen.filter(({ key }) => !declared.has(resourceKeyText(key)));
        const pulled = pullAlarms({
          alarms,
          inventory: session.inventory,
          folder: alarmDirectory(context, lenient, options.dir),
          workspace: expansion.workspace,
        });
        write(context, pulled, options);
        tell(context, pulled, chosen.length - alarms.length);
      });
    });
}

/**
 * Files of the folder but for the one that is about to be replaced. A folder that is not there yet has none: pulling is how
 * it begins.
 */
function filesBeside(
  context: CliContext,
  host: AlarmsHost,
  folder: string,
  out: string | undefined,
): readonly string[] {
  if (!context.fileExists(folder)) return [];
  const replaced = out === undefined ? undefined : resolve(context.cwd, out);
  return host.listFiles(folder).filter((path) => resolve(folder, path) !== replaced);
}

async function chosenAlarms(
  { clients, scopes }: Session,
  workspace: string,
  options: PullOptions,
  signal: AbortSignal,
): Promise<readonly ObservedResource[]> {
  const [tag, value] = tagOf(options.tag);
  const chosen: ObservedResource[] = [];
  for (const scope of scopes) {
    const call = { ...scope, signal };
    const ours = new Map<string, Readonly<Record<string, string>>>();
    for await (const page of clients.findByTag({ ...call, tag: OWNER_TAGS.workspace, value: workspace })) {
      for (const { name, tags } of page) ours.set(name, tags);
    }
    const tagged = new Set<string>();
    if (tag !== undefined) {
      for await (const page of clients.findByTag({ ...call, tag, value })) {
        for (const { name } of page) tagged.add(name);
      }
    }
    const all: ObservedResource[] = [];
    for await (const page of clients.describeAlarms(call)) {
      all.push(...page.map((alarm) => observedAlarm(scope, alarm, ours.get(alarm.name) ?? {})));
    }
    const byChoice = ({ key }: ObservedResource) =>
      (options.match === undefined || matchesGlob(options.match, key.name)) &&
      (tag === undefined || tagged.has(key.name));
    const isChoosing = options.match !== undefined || tag !== undefined;
    chosen.push(...(isChoosing ? all.filter(byChoice) : aboutApis(all)));
  }
  return chosen;
}

/** Alarms on metrics of API Gateway, and the composites above them. */
function aboutApis(all: readonly ObservedResource[]): readonly ObservedResource[] {
  const names = new Set(all.filter((alarm) => metricsOf(alarm).some(isAboutApis)).map(({ key }) => key.name));
  for (let before = -1; before !== names.size; ) {
    before = names.size;
    for (const { key, children } of all) if (children.some((child) => names.has(child))) names.add(key.name);
  }
  return all.filter(({ key }) => names.has(key.name));
}

function tagOf(text: string | undefined): readonly [undefined, ''] | readonly [string, string] {
  if (text === undefined) return [undefined, ''];
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new UserError('pull_tag', `Expected --tag key=value, got ${text}`);
}

function write(context: CliContext, pulled: Pulled, options: PullOptions): void {
  const { files } = pulled;
  const { out, force, json } = options;
  if (json) context.stdout.write(`${JSON.stringify(pulled, null, 2)}\n`);
  if (out === undefined) {
    if (json) return;
    const isOne = files.length === 1;
    for (const { set, text } of files) {
      context.stdout.write(isOne ? text : `# --- ${set}.yaml\n${text}`);
    }
    return;
  }
  const isFile = /\.ya?ml$/.test(out);
  if (isFile && files.length > 1) {
    const sets = files.map(({ set }) => set).join(', ');
    throw new UserError(
      'pull_out',
      `Expected --out to be a folder for ${files.length} sets (${sets}), got the file ${out}`,
    );
  }
  const paths = files.map(({ set, text }) => ({
    path: resolve(context.cwd, isFile ? out : join(out, `${set}.yaml`)),
    text,
  }));
  const there = paths.filter(({ path }) => context.fileExists(path));
  if (there.length > 0 && force !== true) {
    throw new UserError(
      'pull_exists',
      `Expected no ${there.map(({ path }) => path).join(', ')} yet, got ${there.length === 1 ? 'one' : 'them'}: name another with --out, or replace with --force`,
    );
  }
  for (const { path, text } of paths) {
    context.writeFile(path, text, { mode: 0o644, replace: force === true });
    if (!json) context.stdout.write(`wrote ${path}\n`);
  }
}

function tell(context: CliContext, { files, leftOut }: Pulled, declared: number): void {
  const count = files.reduce((sum, { alarms }) => sum + alarms, 0);
  context.stderr.write(
    `${count} alarms pulled, ${declared} are in files already, ${leftOut.length} cannot be said exactly. ` +
      'See what taking them over changes: gatewatch alarms plan\n',
  );
  if (files.length === 0) context.stderr.write(leftOutText(leftOut));
}
