import { resolve } from 'node:path';
import { Command } from 'commander';
import { type Agreement, agreementOf, placeOf } from '../../alarms/backtest/agreement.ts';
import { type BacktestResult, pagesPerWeek, replay } from '../../alarms/backtest/backtest.ts';
import { replayFacts } from '../../alarms/backtest/replay-facts.ts';
import { type Expansion, expandAlarms } from '../../alarms/expand-alarms.ts';
import { loadAlarmFiles } from '../../alarms/format/load-alarm-files.ts';
import type { Finding } from '../../alarms/lint/finding.ts';
import { lintAlarms, REPLAY_RULES } from '../../alarms/lint/lint-alarms.ts';
import { UserError } from '../../core/errors.ts';
import { createEnvResolver, createFileResolver } from '../../documents/references.ts';
import {
  type AlarmOptions,
  type AlarmsHost,
  inFolder,
  type Session,
  tellProblems,
  withSession,
} from '../alarms/alarm-session.ts';
import { type BacktestReport, backtestText, firingsDiffer } from '../alarms/backtest-text.ts';
import { overPages, timeZoneOf } from '../alarms/budget.ts';
import { findingLines } from '../alarms/coverage-text.ts';
import { filesAtRevision } from '../alarms/git-files.ts';
import { type HistoryOptions, reachSince, readHistory } from '../alarms/read-history.ts';
import type { CliContext } from '../context.ts';

const EXIT_DIFFERENT = 2;

/** With what only a replay shows: thresholds out of reach, alarms that tell the same. */
interface LintedReport extends BacktestReport {
  readonly findings: readonly Finding[];
}

interface BacktestOptions extends AlarmOptions, HistoryOptions {
  readonly since: string;
  readonly against?: string;
  readonly allowOverBudget?: true;
}

/** `gatewatch alarms backtest`: what the alarms would have done, on what was measured. */
export function backtestCommand(context: CliContext, host: AlarmsHost): Command {
  return withHistoryOptions(new Command('backtest'))
    .description(
      'how often the alarms would have fired, replayed over real metrics on sliding windows and over the journal; exit 1 over the page budget, 2 when firings differ from --against',
    )
    .option('--against <revision>', 'compare with the files of a git revision: git:main')
    .option('--allow-over-budget', 'do not fail when more pages a week than budget.pages_per_week')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  gatewatch alarms backtest --since 14d --against git:main')
    .action(async (options: BacktestOptions) => {
      await withSession(context, host, options, async (session) => {
        const expansion = expandAlarms(session.files, session.inventory);
        tellProblems(context, options.dir, expansion);
        const report = await reportFor(context, host, session, options, expansion);
        context.stdout.write(
          options.json ? `${JSON.stringify(jsonOf(report), null, 2)}\n` : reportText(report, options.dir),
        );
        context.setExitCode(exitOf(context, options, expansion, report));
      });
    });
}

/** `--since`, `--cache` and `--no-cache`, as every command has them that reads history. */
export function withHistoryOptions(command: Command): Command {
  return command
    .option('--since <duration>', 'how far back, 1h to 14d', '14d')
    .option('--cache <folder>', 'where metrics once read are kept (default: the journal’s path and .history)')
    .option('--no-cache', 'ask CloudWatch for everything again, and keep nothing');
}

async function reportFor(
  context: CliContext,
  host: AlarmsHost,
  session: Session,
  options: BacktestOptions,
  now: Expansion,
): Promise<LintedReport> {
  const before = options.against === undefined ? undefined : earlierExpansion(context, options, session);
  const alarms = [...now.instances, ...(before?.instances ?? [])];
  const reach = reachSince(options.since, context.now(), alarms);
  const { config, inventory } = session;
  const { stages } = inventory;
  const history = await readHistory({ context, host, config, stages, alarms, reach, options });
  const timeZone = timeZoneOf(now);
  const results = replay(now.instances, history, timeZone);
  const replayed = replayFacts(results, history);
  return {
    findings: lintAlarms(now.instances, { replayed }, REPLAY_RULES),
    reach,
    results,
    agreements: await agreementOf(results, session.clients, reach, host.signal),
    ...(before === undefined ? {} : { before: replay(before.instances, history, timeZone) }),
  };
}

function earlierExpansion(context: CliContext, options: BacktestOptions, session: Session): Expansion {
  const revision = options.against?.replace(/^git:/, '') ?? '';
  const folder = resolve(context.cwd, options.dir);
  const files = filesAtRevision(folder, revision);
  if (files.length === 0)
    context.stderr.write(`${revision} has nothing in ${options.dir}: every alarm is new.\n`);
  const texts = new Map(files.map(({ path, text }) => [resolve(folder, path), text]));
  const readFile = (path: string) => texts.get(path) ?? context.readFile(path);
  const result = loadAlarmFiles({
    files: files.filter(({ path }) => /\.ya?ml$/.test(path)),
    resolvers: new Map([
      ['env', createEnvResolver(context.env)],
      ['file', createFileResolver(folder, readFile)],
    ]),
  });
  if (result.ok) return expandAlarms({ ...result.files, ...publishedOf(session) }, session.inventory);
  const problems = result.problems.map((problem) => inFolder(options.dir, problem)).join('\n');
  throw new UserError(
    'alarms_invalid',
    `Expected the files of ${options.against} to be valid, got:\n${problems}`,
  );
}

function publishedOf({ files }: Session) {
  return files.published === undefined ? {} : { published: files.published };
}

function reportText(report: LintedReport, dir: string): string {
  const findings = findingLines(report.findings, dir).map((line) => `${line}\n`);
  return `${backtestText(report)}${findings.join('')}`;
}

function exitOf(
  context: CliContext,
  options: BacktestOptions,
  expansion: Expansion,
  { results, before }: BacktestReport,
): number {
  const over = overPages(expansion, pagesPerWeek(results));
  if (over !== undefined && options.allowOverBudget !== true) {
    context.stderr.write(`${over}\n`);
    return 1;
  }
  return before !== undefined && firingsDiffer(results, before) ? EXIT_DIFFERENT : 0;
}

function jsonOf({ reach, results, agreements, before, findings }: LintedReport) {
  const earlier = before && new Map(before.map((result) => [result.instance.id, result.outcome]));
  return {
    from: new Date(reach.fromMs).toISOString(),
    to: new Date(reach.toMs).toISOString(),
    pagesPerWeek: pagesPerWeek(results),
    ...(before && { pagesPerWeekBefore: pagesPerWeek(before) }),
    findings,
    alarms: results.map((result) => resultJson(result, agreements.get(placeOf(result)), earlier)),
  };
}

function resultJson(
  result: BacktestResult,
  agreement: Agreement | undefined,
  earlier: ReadonlyMap<string, BacktestResult['outcome']> | undefined,
) {
  const { instance, outcome } = result;
  return {
    id: instance.id,
    severity: instance.severity,
    inconclusive: outcome.kind === 'replayed' && outcome.doubts.length > 0,
    outcome,
    ...(agreement === undefined ? {} : { agreement }),
    ...(earlier === undefined ? {} : { before: earlier.get(instance.id) ?? null }),
  };
}
