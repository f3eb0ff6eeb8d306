import { resolve } from 'node:path';
import { Command } from 'commander';
import { type BacktestResult, pagesPerWeek, replay, withAgreement } from '../../alarms/backtest/backtest.ts';
import { fetchHistory, LONGEST_MS, planHistory, type Span } from '../../alarms/backtest/metric-history.ts';
import { coverageOf } from '../../alarms/coverage.ts';
import { type Expansion, expandAlarms } from '../../alarms/expand-alarms.ts';
import { loadAlarmFiles } from '../../alarms/format/load-alarm-files.ts';
import { lintAlarms, metricKey } from '../../alarms/lint.ts';
import { isLogSignal, metricOf } from '../../alarms/portable-metrics.ts';
import { writeRecording } from '../../alarms/testing/recording.ts';
import { nameOfInput } from '../../alarms/testing/test-series.ts';
import type { AwsClients } from '../../aws/aws-clients.ts';
import { parseDuration } from '../../core/duration.ts';
import { UserError } from '../../core/errors.ts';
import { createEnvResolver } from '../../documents/references.ts';
import {
  type AlarmOptions,
  type AlarmsHost,
  type Session,
  tellProblems,
  withSession,
} from '../alarms/alarm-session.ts';
import { backtestText, differs } from '../alarms/backtest-text.ts';
import { coverageText } from '../alarms/coverage-text.ts';
import { filesAtRevision } from '../alarms/git-files.ts';
import type { CliContext } from '../context.ts';

const MINUTE_MS = 60_000;
const PRICE_PER_THOUSAND_METRICS = 0.01;
const EXIT_DIFFERENT = 2;

interface BacktestOptions extends AlarmOptions {
  readonly since: string;
  readonly against?: string;
  readonly allowOverBudget?: true;
}

/** Commands that look back: backtest, record, coverage. */
export function backtestCommand(context: CliContext, host: AlarmsHost): Command {
  return new Command('backtest')
    .description(
      'how often the alarms would have fired, replayed over real metrics on sliding windows; exit 2 when firings differ from --against',
    )
    .option('--since <duration>', 'how far back, at most 14d', '14d')
    .option('--against <revision>', 'compare with the files of a git revision: git:main')
    .option('--allow-over-budget', 'do not fail when more pages a week than budget.pages_per_week')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  gatewatch alarms backtest --since 14d --against git:main')
    .action(async (options: BacktestOptions) => {
      await withSession(context, host, options, async (session) => {
        const span = spanOf(options.since, context.now());
        const expansion = expandAlarms(session.files, session.inventory);
        tellProblems(context, options.dir, expansion);
        const before =
          options.against === undefined ? undefined : earlierExpansion(context, options, session);
        const [results, earlier] = await replayed(context, host, session, span, expansion, before);
        const told = await withAgreement(results, session.clients, span, host.signal);
        context.stdout.write(
          options.json ? `${JSON.stringify(jsonOf(told), null, 2)}\n` : backtestText(told, earlier),
        );
        context.setExitCode(exitOf(context, options, expansion, told, earlier));
      });
    });
}

function exitOf(
  context: CliContext,
  options: BacktestOptions,
  expansion: Expansion,
  results: readonly BacktestResult[],
  earlier: readonly BacktestResult[] | undefined,
): number {
  const { pagesPerWeek: budget } = expansion.budget;
  const pages = pagesPerWeek(results);
  if (budget !== undefined && pages > budget && options.allowOverBudget !== true) {
    context.stderr.write(
      `Expected at most ${budget} pages a week (budget.pages_per_week), got ${pages.toFixed(1)}\n`,
    );
    return 1;
  }
  const byId = new Map((earlier ?? []).map((result) => [result.instance.id, result]));
  const changed = results.some((result) =>
    differs(result, byId.get(result.instance.id), earlier !== undefined),
  );
  return changed ? EXIT_DIFFERENT : 0;
}

function spanOf(since: string, nowMs: number): Span {
  const lengthMs = parseDuration(since);
  if (lengthMs === undefined || lengthMs < 60 * MINUTE_MS || lengthMs > LONGEST_MS) {
    throw new UserError(
      'backtest_since',
      `Expected --since between 1h and 14d, got ${since}: CloudWatch keeps minutes for 15 days, and only they slide`,
    );
  }
  const toMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  return { fromMs: toMs - lengthMs, toMs };
}

function earlierExpansion(context: CliContext, options: BacktestOptions, session: Session): Expansion {
  const revision = options.against?.replace(/^git:/, '') ?? '';
  const result = loadAlarmFiles({
    files: filesAtRevision(resolve(context.cwd, options.dir), revision),
    resolvers: new Map([['env', createEnvResolver(context.env)]]),
  });
  if (result.ok) return expandAlarms(result.files, session.inventory);
  throw new UserError(
    'alarms_invalid',
    `Expected the files of ${options.against} to be valid, got ${result.problems.length} problems`,
  );
}

/** Says what it costs, then asks once for what both sets of alarms need. */
async function replayed(
  context: CliContext,
  host: AlarmsHost,
  session: Session,
  span: Span,
  now: Expansion,
  before: Expansion | undefined,
): Promise<readonly [readonly BacktestResult[], readonly BacktestResult[] | undefined]> {
  const plan = planHistory([...now.instances, ...(before?.instances ?? [])], span);
  const dollars = (plan.metricsRequested / 1_000) * PRICE_PER_THOUSAND_METRICS;
  context.stderr.write(
    `Reads ${plan.metricsRequested} metrics in ${plan.calls} calls: about $${dollars.toFixed(2)} (list price, unverified).\n`,
  );
  const aws = host.connect(session.config);
  try {
    const history = await fetchHistory({ aws, plan, span, signal: host.signal });
    return [
      replay(now.instances, history, span),
      before === undefined ? undefined : replay(before.instances, history, span),
    ];
  } finally {
    aws.close();
  }
}

function jsonOf(results: readonly BacktestResult[]) {
  return results.map(({ instance, outcome, agreement }) => ({
    id: instance.id,
    severity: instance.severity,
    outcome,
    ...(agreement === undefined ? {} : { agreement }),
  }));
}

interface RecordOptions extends AlarmOptions {
  readonly from: string;
  readonly to: string;
  readonly incident?: string;
  readonly out: string;
}

export function recordCommand(context: CliContext, host: AlarmsHost): Command {
  return new Command('record')
    .argument('<alarm>', 'id of an alarm: its metrics, and those it is a child of, are recorded')
    .description('write what its metrics were in a span, for a test that it fires then')
    .requiredOption('--from <time>', 'from this time, UTC: 2026-11-03T10:00Z')
    .requiredOption('--to <time>', 'up to this time')
    .option('--incident <time>', 'when the incident began, for must_fire_within (default: --from)')
    .requiredOption('-o, --out <file>', 'where to write it')
    .addHelpText(
      'after',
      "\nExample:\n  gatewatch alarms record 'core/user-impact[orders/prod]' --from 2026-11-03T10:00Z --to 2026-11-03T12:00Z -o alarms/outage.json",
    )
    .action(async (id: string, options: RecordOptions) => {
      await withSession(context, host, options, async (session) => {
        const expansion = expandAlarms(session.files, session.inventory);
        const chosen = withChildren(expansion, id);
        const span = { fromMs: timeOf(options.from), toMs: timeOf(options.to) };
        if (span.fromMs >= span.toMs)
          throw new UserError(
            'record_span',
            `Expected --from before --to, got ${options.from} and ${options.to}`,
          );
        const text = await recordingOf(host, session, chosen, span, timeOf(options.incident ?? options.from));
        context.writeFile(resolve(context.cwd, options.out), text, { mode: 0o644, replace: true });
        context.stdout.write(
          `Recorded ${(span.toMs - span.fromMs) / MINUTE_MS} minutes into ${options.out}.\n`,
        );
      });
    });
}

function timeOf(text: string): number {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return Math.floor(ms / MINUTE_MS) * MINUTE_MS;
  throw new UserError('bad_time', `Expected a time such as 2026-11-03T10:00Z, got ${text}`);
}

function withChildren(expansion: Expansion, id: string): Expansion['instances'] {
  const root = expansion.instances.find((instance) => instance.id === id);
  if (root === undefined) {
    throw new UserError(
      'alarm_unknown',
      `Expected the id of an alarm, got ${id}: \`gatewatch alarms plan --json\` lists them`,
    );
  }
  const names = new Set(root.resource.children);
  return expansion.instances.filter(
    (instance) =>
      instance === root || (names.has(instance.resource.key.name) && instance.each.key === root.each.key),
  );
}

async function recordingOf(
  host: AlarmsHost,
  session: Session,
  instances: Expansion['instances'],
  span: Span,
  incidentMs: number,
): Promise<string> {
  const aws = host.connect(session.config);
  try {
    const history = await fetchHistory({
      aws,
      plan: planHistory(instances, span),
      span,
      signal: host.signal,
    });
    const series = new Map<string, { series: string; statistic: string; samples: (number | undefined)[] }>();
    for (const instance of instances) {
      if (instance.model.kind !== 'metric') continue;
      const { expression: _, ...model } = instance.model;
      const { periodMs } = model.settings;
      for (const input of model.inputs) {
        const reader = history.readerFor(instance, { ...model, inputs: [input] });
        const slots = minutes(span).map((startMs) => percentileAware(input.statistic, startMs, periodMs));
        const samples = slots.map(([startMs, lengthMs]) => reader?.slot(startMs, lengthMs).value);
        const counts = minutes(span).map((startMs) => reader?.slot(startMs, MINUTE_MS).sampleCount);
        const name = nameOfInput(input);
        series.set(`${name} ${input.statistic}`, { series: name, statistic: input.statistic, samples });
        if (!series.has(`${name} SampleCount`)) {
          series.set(`${name} SampleCount`, { series: name, statistic: 'SampleCount', samples: counts });
        }
      }
    }
    const [first] = instances;
    if (first === undefined) throw new UserError('alarm_unknown', 'Expected an alarm to record, got none');
    const { stage } = first.each;
    return writeRecording({
      each: { api: { name: stage.apiName, id: stage.apiId, protocol: stage.protocol }, stage: stage.stage },
      startMs: span.fromMs,
      incidentMs: incidentMs - span.fromMs,
      series: [...series.values()],
    });
  } finally {
    aws.close();
  }
}

function minutes({ fromMs, toMs }: Span): readonly number[] {
  return Array.from({ length: (toMs - fromMs) / MINUTE_MS }, (_, minute) => fromMs + minute * MINUTE_MS);
}

/** Of a percentile, a minute's sample is that of the window which ends with the minute. */
function percentileAware(statistic: string, startMs: number, periodMs: number): readonly [number, number] {
  return /^p\d/.test(statistic) ? [startMs + MINUTE_MS - periodMs, periodMs] : [startMs, MINUTE_MS];
}

export function coverageCommand(context: CliContext, host: AlarmsHost): Command {
  return new Command('coverage')
    .description(
      'every API stage × what it should be watched for, and what the linter finds; exit 2 when something is not covered',
    )
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  gatewatch alarms coverage')
    .action(async (options: AlarmOptions) => {
      await withSession(context, host, options, async (session) => {
        const expansion = expandAlarms(session.files, session.inventory);
        tellProblems(context, options.dir, expansion);
        const aws = host.connect(session.config);
        try {
          const alive = await aliveMetrics(aws, session, host.signal);
          const cells = coverageOf(
            session.inventory.stages,
            expansion.instances,
            session.files.mutes.map(({ value }) => value.spec),
            {
              hadData: (stage, metric) => {
                if (isLogSignal(metric)) return undefined;
                const ref = metricOf(metric, stage);
                return ref === undefined ? undefined : alive.has(metricKey(stage.account, stage.region, ref));
              },
              heard: await heardTopics(expansion, session, host.signal),
            },
          );
          const findings = lintAlarms(expansion.instances, { alive });
          context.stdout.write(
            options.json
              ? `${JSON.stringify({ cells, findings }, null, 2)}\n`
              : coverageText(cells, findings, options.dir),
          );
          if (cells.some(({ state }) => state !== 'covered')) context.setExitCode(EXIT_DIFFERENT);
        } finally {
          aws.close();
        }
      });
    });
}

/** ListMetrics tells of metrics with a point in the last two weeks, and costs nothing. */
async function aliveMetrics(
  aws: AwsClients,
  session: Session,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const alive = new Set<string>();
  for (const scope of session.scopes) {
    for await (const page of aws.listMetrics({ ...scope, namespace: 'AWS/ApiGateway', signal })) {
      for (const metric of page) alive.add(metricKey(scope.account, scope.region, metric));
    }
  }
  return alive;
}

async function heardTopics(
  expansion: Expansion,
  session: Session,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const topics = new Map(
    expansion.instances.flatMap(({ receivers, resource }) =>
      receivers.flatMap(({ sns }) => (sns === undefined ? [] : [[sns, resource.key] as const])),
    ),
  );
  const heard = new Set<string>();
  for (const [arn, { account, region }] of topics) {
    const topic = await session.clients.topic({ account, region, arn, signal });
    if (topic.kind === 'found' && topic.subscriptions > 0) heard.add(arn);
  }
  return heard;
}
