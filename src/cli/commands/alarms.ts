import { resolve } from 'node:path';
import { Command } from 'commander';
import { type ApplyResult, applyPlan } from '../../alarms/apply-plan.ts';
import { expandAlarms } from '../../alarms/expand-alarms.ts';
import { observeAlarms } from '../../alarms/observe-alarms.ts';
import type { AlarmPlan } from '../../alarms/plan-alarms.ts';
import { readPlan, remainingChanges } from '../../alarms/plan-file.ts';
import { filesWithoutAws, sampleStages } from '../../alarms/sample-stages.ts';
import { runAlarmTests } from '../../alarms/testing/alarm-tests.ts';
import { generatedTests } from '../../alarms/testing/generated-tests.ts';
import { UserError } from '../../core/errors.ts';
import type { ObservedResource } from '../../model/managed-resource.ts';
import { guardDeletes } from '../../plan/blast-radius.ts';
import { type Change, planChanges } from '../../plan/plan-changes.ts';
import {
  type AlarmOptions,
  type AlarmsHost,
  planned,
  requireAlarmFiles,
  type Session,
  tellProblems,
  withSession,
} from '../alarms/alarm-session.ts';
import { failuresIn, reportOf, testText } from '../alarms/test-text.ts';
import { DEFAULT_CONFIG_PATH } from '../config-file.ts';
import type { CliContext } from '../context.ts';
import { backtestCommand } from './alarms-backtest.ts';
import { baselineCommand } from './alarms-baseline.ts';
import { coverageCommand } from './alarms-coverage.ts';
import { costCommand, driftCommand, explainCommand, schemaCommand } from './alarms-inspect.ts';
import { planCommand, planExit, printPlan, requirePriceWithin } from './alarms-plan.ts';
import { pullCommand } from './alarms-pull.ts';
import { recordCommand } from './alarms-record.ts';
import { validateCommand } from './alarms-validate.ts';

const EXIT_PARTLY = 3;

/** `gatewatch alarms`: declare, see what would change, change exactly that. */
export function createAlarmsCommand(context: CliContext, host: AlarmsHost): Command {
  const alarms = new Command('alarms').description(
    'CloudWatch alarms from files: validate, plan, apply, drift; never touches an alarm it does not own',
  );
  const commands = [
    validateCommand(context, host),
    testCommand(context, host),
    connected(planCommand(context, host)),
    applyCommand(context, host),
    destroyCommand(context, host),
    adoptCommand(context, host),
    schemaCommand(context),
    connected(driftCommand(context, host)),
    connected(explainCommand(context, host)),
    connected(costCommand(context, host)),
    connected(backtestCommand(context, host)),
    connected(recordCommand(context, host)),
    connected(coverageCommand(context, host)),
    connected(baselineCommand(context, host)),
    connected(pullCommand(context, host)),
  ];
  for (const command of commands) {
    command.option('--dir <folder>', 'folder of alarm files', 'alarms');
    alarms.addCommand(command);
  }
  return alarms.addHelpText(
    'after',
    '\nExample:\n  gatewatch alarms validate && gatewatch alarms plan -o plan.json && gatewatch alarms apply plan.json',
  );
}

function connected(command: Command): Command {
  return command.option('-c, --config <path>', 'configuration file', DEFAULT_CONFIG_PATH);
}

function testCommand(context: CliContext, host: AlarmsHost): Command {
  return new Command('test')
    .description(
      'run the tests beside the files and three generated ones for each alarm, without AWS; exit 0 or 1',
    )
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  gatewatch alarms test --dir alarms')
    .action((options: AlarmOptions) => {
      const files = requireAlarmFiles(context, host, options.dir);
      const stages = sampleStages(files);
      const expansion = expandAlarms(filesWithoutAws(files), { stages, complete: true });
      tellProblems(context, options.dir, expansion);
      const folder = resolve(context.cwd, options.dir);
      const results = runAlarmTests(files, (path) => context.readFile(resolve(folder, path)));
      const report = reportOf(results, expansion.instances.flatMap(generatedTests), expansion);
      context.stdout.write(
        options.json ? `${JSON.stringify(report, null, 2)}\n` : testText(report, options.dir),
      );
      if (failuresIn(report) > 0) context.setExitCode(1);
    });
}

interface ApplyOptions extends AlarmOptions {
  readonly yes?: true;
  readonly allowDeletes?: number;
  readonly allowOverBudget?: true;
  readonly backup: string;
}

function applyCommand(context: CliContext, host: AlarmsHost): Command {
  return connected(new Command('apply'))
    .argument('[plan]', 'a saved plan: exactly that is applied, and refused when AWS has changed since')
    .description('make AWS look like the files; exit 3 when only a part was applied: run it again')
    .option('-y, --yes', 'do not ask')
    .option('--allow-deletes <number>', 'let this many alarms be deleted', Number)
    .option('--allow-over-budget', 'apply also what costs more than budget.monthly_usd')
    .option(
      '--backup <file>',
      'where what is changed or deleted is kept first, as JSON',
      'alarms-backup.json',
    )
    .option('--json', 'what became of it as JSON; needs a saved plan or --yes')
    .addHelpText('after', '\nExample:\n  gatewatch alarms apply plan.json')
    .action(async (saved: string | undefined, options: ApplyOptions) => {
      await withSession(context, host, options, async (session) => {
        const plan = await planned(context, host, options, session);
        const changes = saved === undefined ? plan.changes : remainingOf(context, saved, plan);
        if (saved === undefined && options.json !== true) printPlan(context, plan, false);
        requirePriceWithin(plan, options.allowOverBudget === true);
        await carryOut(context, host, session, { ...plan, changes }, options, saved !== undefined);
      });
    });
}

function remainingOf(context: CliContext, path: string, plan: AlarmPlan): readonly Change[] {
  const saved = readPlan(path, context.readFile(resolve(context.cwd, path)));
  if (saved.workspace !== plan.expansion.workspace) {
    throw new UserError(
      'plan_workspace',
      `Expected a plan of workspace ${plan.expansion.workspace}, got one of ${saved.workspace}: name its folder with --dir`,
    );
  }
  return remainingChanges(saved, plan.observed, plan.changes);
}

async function carryOut(
  context: CliContext,
  host: AlarmsHost,
  session: Session,
  plan: AlarmPlan,
  options: Pick<ApplyOptions, 'yes' | 'allowDeletes' | 'backup' | 'json'>,
  confirmed: boolean,
): Promise<void> {
  const { changes, owned } = plan;
  guardDeletes({
    changes,
    owned: owned.length,
    ...(options.allowDeletes === undefined ? {} : { allowed: options.allowDeletes }),
  });
  const work = changes.filter(({ verb }) => verb !== 'conflict' && verb !== 'withheld');
  if (work.length === 0) {
    context.stdout.write(options.json ? appliedJson(plan, NOTHING_DONE) : 'Nothing to apply.\n');
    context.setExitCode(planExit(plan) === 1 ? 1 : 0);
    return;
  }
  if (
    !confirmed &&
    options.yes !== true &&
    (options.json === true || !(await host.confirm(`Apply these ${work.length} changes? [y/N] `)))
  ) {
    throw new UserError(
      'not_confirmed',
      'Expected a yes, got none: nothing was applied. Say --yes to apply without asking',
    );
  }
  backUp(context, work, options.backup);
  const result = await applyPlan({
    clients: session.clients,
    changes: work,
    signal: host.signal,
    onProgress: progressTo(context),
  });
  if (context.stderr.isTTY === true) context.stderr.write('\n');
  for (const { id, reason } of result.failures) context.stderr.write(`${id}: ${reason}\n`);
  context.stdout.write(options.json ? appliedJson(plan, result) : appliedText(result));
  const left = result.failures.length + result.skipped;
  context.setExitCode(left > 0 ? EXIT_PARTLY : planExit(plan) === 1 ? 1 : 0);
}

const NOTHING_DONE: ApplyResult = { done: 0, failures: [], skipped: 0 };

/** What became of a plan, and what of it nobody may do: conflicts, and deletes that are withheld. */
function appliedJson({ expansion, changes }: AlarmPlan, result: ApplyResult): string {
  const left = changes.filter(({ verb }) => verb === 'conflict' || verb === 'withheld');
  return `${JSON.stringify({ workspace: expansion.workspace, ...result, left }, null, 2)}\n`;
}

function appliedText({ done, failures, skipped }: ApplyResult): string {
  return failures.length + skipped === 0
    ? `Applied ${done} steps.\n`
    : `Applied ${done} steps; ${failures.length} failed, ${skipped} were not tried. Run it again: what is done stays done.\n`;
}

/** JSON of everything that is about to be changed or deleted, as AWS has it. */
function backUp(context: CliContext, changes: readonly Change[], path: string): void {
  const before = changes.flatMap((change): ObservedResource[] =>
    'observed' in change ? [change.observed] : [],
  );
  if (before.length === 0) return;
  const text = `${JSON.stringify({ savedMs: context.now(), resources: before }, null, 1)}\n`;
  context.writeFile(resolve(context.cwd, path), text, { mode: 0o600, replace: true });
  context.stderr.write(`What changes is kept in ${path}.\n`);
}

/** A bar on a terminal; every tenth step as a line elsewhere. */
function progressTo(context: CliContext): (done: number, total: number, what: string) => void {
  return (done, total, what) => {
    if (context.stderr.isTTY === true) {
      const filled = Math.round((20 * done) / total);
      context.stderr.write(
        `\r[${'#'.repeat(filled)}${'.'.repeat(20 - filled)}] ${done}/${total} ${what.slice(0, 40).padEnd(40)}`,
      );
    } else if (done % 10 === 0 || done === total) context.stderr.write(`${done}/${total} ${what}\n`);
  };
}

interface DestroyOptions extends AlarmOptions {
  readonly yes?: string;
  readonly backup: string;
}

function destroyCommand(context: CliContext, host: AlarmsHost): Command {
  return connected(new Command('destroy'))
    .description('delete every alarm and filter of this workspace; honours prevent_destroy')
    .option('--yes <workspace>', 'the name of the workspace, instead of being asked')
    .option('--backup <file>', 'where what is deleted is kept first, as JSON', 'alarms-backup.json')
    .option('--json', 'what became of it as JSON; needs --yes')
    .addHelpText('after', '\nExample:\n  gatewatch alarms destroy --yes gatewatch')
    .action(async (options: DestroyOptions) => {
      await withSession(context, host, options, async (session) => {
        const { workspace } = expandAlarms(session.files, session.inventory);
        await confirmDestroy(host, workspace, options.yes);
        const { clients, scopes } = session;
        const { observed, partial } = await observeAlarms({
          clients,
          workspace,
          scopes,
          desired: [],
          muteRules: session.config.alarms.muteRules,
          signal: host.signal,
        });
        const changes = planChanges({ workspace, desired: [], observed, partial });
        const owned = observed;
        const expansion = { ...expandAlarms(session.files, session.inventory), refusals: [] };
        const plan = { expansion, changes, owned, observed, partial };
        if (options.json !== true) printPlan(context, plan, false);
        const allowed = { ...options, yes: true as const, allowDeletes: changes.length };
        await carryOut(context, host, session, plan, allowed, true);
      });
    });
}

async function confirmDestroy(host: AlarmsHost, workspace: string, said: string | undefined): Promise<void> {
  if (said === workspace) return;
  if (said === undefined && (await host.confirm(`Delete every alarm of workspace ${workspace}? [y/N] `)))
    return;
  throw new UserError(
    'not_confirmed',
    `Expected --yes ${workspace}, got ${said === undefined ? 'no answer' : said}: nothing was deleted`,
  );
}

function adoptCommand(context: CliContext, host: AlarmsHost): Command {
  return connected(new Command('adopt'))
    .argument('<id...>', 'ids of alarms in conflict, as `plan` prints them')
    .description('take over alarms that exist under the same name, after showing what would change')
    .option('-y, --yes', 'do not ask')
    .option('--backup <file>', 'where they are kept first, as JSON', 'alarms-backup.json')
    .option('--json', 'what became of it as JSON; needs --yes')
    .addHelpText('after', "\nExample:\n  gatewatch alarms adopt 'core/latency-p99[legacy/prod]'")
    .action(async (ids: string[], options: ApplyOptions) => {
      await withSession(context, host, options, async (session) => {
        const plan = await planned(context, host, options, session, new Set(ids));
        const changes = plan.changes.filter(
          (change) => change.verb === 'adopt' && ids.includes(change.desired.id),
        );
        const known = new Set(changes.flatMap((change) => ('desired' in change ? [change.desired.id] : [])));
        const unknown = ids.filter((id) => !known.has(id));
        if (unknown.length > 0) {
          throw new UserError(
            'alarm_unknown',
            `Expected ids of alarms in conflict, got ${unknown.join(', ')}: \`gatewatch alarms plan\` lists them`,
          );
        }
        const chosen = { ...plan, changes };
        if (options.json !== true) printPlan(context, chosen, false);
        await carryOut(context, host, session, chosen, options, false);
      });
    });
}
