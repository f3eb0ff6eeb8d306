import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Reach } from '../../alarms/backtest/history-questions.ts';
import { type PlanReplay, plannedAlarms, replayPlan } from '../../alarms/backtest/plan-replay.ts';
import type { Finding } from '../../alarms/lint/finding.ts';
import { lintAlarms } from '../../alarms/lint/lint-alarms.ts';
import type { AlarmPlan } from '../../alarms/plan-alarms.ts';
import { writePlan } from '../../alarms/plan-file.ts';
import { type PlanTextSettings, planText } from '../../alarms/plan-text.ts';
import { UNVERIFIED_ALARM_PRICES } from '../../alarms/prices.ts';
import { UserError } from '../../core/errors.ts';
import {
  type AlarmOptions,
  type AlarmsHost,
  planned,
  type Session,
  withSession,
} from '../alarms/alarm-session.ts';
import { changeText } from '../alarms/backtest-text.ts';
import { overPages, overPrice, timeZoneOf } from '../alarms/budget.ts';
import { findingLines } from '../alarms/coverage-text.ts';
import { measuredFacts } from '../alarms/measured-facts.ts';
import { type HistoryOptions, reachSince, readHistory } from '../alarms/read-history.ts';
import type { CliContext } from '../context.ts';
import { withHistoryOptions } from './alarms-backtest.ts';

const EXIT_CHANGES = 2;

interface PlanOptions extends AlarmOptions, HistoryOptions {
  readonly out?: string;
  readonly backtest?: true;
  readonly since: string;
  readonly allowOverBudget?: true;
}

/** A plan with what a replay says of it. */
interface ReplayedPlan {
  readonly reach: Reach;
  readonly replay: PlanReplay;
}

export function planCommand(context: CliContext, host: AlarmsHost): Command {
  return withHistoryOptions(new Command('plan'))
    .description('show what apply would do; exit 0 nothing, 2 changes, 1 error or over budget')
    .option('-o, --out <file>', 'save the plan, for `apply FILE`')
    .option('--backtest', 'replay what changes, as it is and as it would be, over the time since --since')
    .option('--allow-over-budget', 'do not fail when it is over the budget of the files')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  gatewatch alarms plan -o plan.json\n  gatewatch alarms plan --backtest --since 7d',
    )
    .action(async (options: PlanOptions) => {
      await withSession(context, host, options, async (session) => {
        const plan = await planned(context, host, options, session);
        const replayed =
          options.backtest === true ? await replayOf(context, host, session, options, plan) : undefined;
        const facts = await measuredFacts(context, host, session, plan.expansion.instances);
        const findings = lintAlarms(plan.expansion.instances, facts);
        printPlan(context, plan, options.json === true, replayed, findings);
        for (const line of findingLines(findings, options.dir)) context.stderr.write(`${line}\n`);
        if (options.out !== undefined) savePlan(context, plan, options.out);
        const over = overBudget(plan, replayed?.replay);
        for (const words of over) context.stderr.write(`${words}\n`);
        context.setExitCode(over.length > 0 && options.allowOverBudget !== true ? 1 : planExit(plan));
      });
    });
}

async function replayOf(
  context: CliContext,
  host: AlarmsHost,
  session: Session,
  options: PlanOptions,
  plan: AlarmPlan,
): Promise<ReplayedPlan> {
  const { config, inventory } = session;
  const { stages } = inventory;
  const chosen = plannedAlarms(plan);
  const alarms = [...chosen.before, ...chosen.after];
  const reach = reachSince(options.since, context.now(), alarms);
  const history = await readHistory({ context, host, config, stages, alarms, reach, options });
  return { reach, replay: replayPlan(chosen, history, timeZoneOf(plan.expansion)) };
}

export function printPlan(
  context: CliContext,
  plan: AlarmPlan,
  asJson: boolean,
  replayed?: ReplayedPlan,
  findings: readonly Finding[] = [],
): void {
  const text = asJson
    ? `${JSON.stringify({ ...planJson(plan, replayed), findings }, null, 2)}\n`
    : planText(plan, { prices: UNVERIFIED_ALARM_PRICES, ...replayWords(plan, replayed) });
  context.stdout.write(text);
}

function replayWords(plan: AlarmPlan, replayed: ReplayedPlan | undefined): Partial<PlanTextSettings> {
  if (replayed === undefined) return {};
  const { changes, pages } = replayed.replay;
  const { pagesPerWeek: budget } = plan.expansion.budget;
  return {
    replay: new Map([...changes].map(([id, change]) => [id, changeText(change)])),
    pages: { ...pages, ...(budget === undefined ? {} : { budget }) },
  };
}

function planJson({ expansion, changes, partial }: AlarmPlan, replayed: ReplayedPlan | undefined) {
  return {
    workspace: expansion.workspace,
    changes,
    refusals: expansion.refusals,
    partial: Object.fromEntries(partial),
    ...(replayed === undefined ? {} : { backtest: replayJson(replayed) }),
  };
}

function replayJson({ reach, replay: { changes, pages } }: ReplayedPlan) {
  return {
    from: new Date(reach.fromMs).toISOString(),
    to: new Date(reach.toMs).toISOString(),
    pagesPerWeek: pages,
    alarms: [...changes].map(([id, { before, after }]) => ({
      id,
      before: before?.outcome ?? null,
      after: after?.outcome ?? null,
    })),
  };
}

function savePlan(context: CliContext, plan: AlarmPlan, path: string): void {
  const text = writePlan({
    workspace: plan.expansion.workspace,
    createdMs: context.now(),
    changes: plan.changes,
    observed: plan.observed,
  });
  context.writeFile(resolve(context.cwd, path), text, { mode: 0o644, replace: true });
}

/** A conflict or a Region that could not be read is an error: what was planned is not all that was asked for. */
export function planExit({ changes, partial }: AlarmPlan): number {
  if (partial.size > 0 || changes.some(({ verb }) => verb === 'conflict')) return 1;
  return changes.some(({ verb }) => verb !== 'withheld') ? EXIT_CHANGES : 0;
}

function overBudget(plan: AlarmPlan, replay: PlanReplay | undefined): readonly string[] {
  const price = overPrice(plan, UNVERIFIED_ALARM_PRICES);
  const pages = replay && overPages(plan.expansion, replay.pages.after);
  return [price, pages].filter((words) => words !== undefined);
}

/** Before anything is written. Pages are a matter of a plan with a replay: of a price everybody knows before. */
export function requirePriceWithin(plan: AlarmPlan, allowed: boolean): void {
  const over = allowed ? undefined : overPrice(plan, UNVERIFIED_ALARM_PRICES);
  if (over !== undefined) throw new UserError('over_budget', `${over}: nothing was applied`);
}
