import { resolve } from 'node:path';
import { Command } from 'commander';
import { leadOf } from '../../alarms/backtest/backtest.ts';
import { MINUTE_MS, type Reach, SETTLED_MS } from '../../alarms/backtest/history-questions.ts';
import { type Expansion, expandAlarms } from '../../alarms/expand-alarms.ts';
import { recordedSeries } from '../../alarms/testing/record-series.ts';
import { writeRecording } from '../../alarms/testing/recording.ts';
import { parseTime } from '../../audit/audit-query.ts';
import { UserError } from '../../core/errors.ts';
import { type AlarmOptions, type AlarmsHost, type Session, withSession } from '../alarms/alarm-session.ts';
import { type HistoryOptions, readHistory } from '../alarms/read-history.ts';
import type { CliContext } from '../context.ts';

interface RecordOptions extends AlarmOptions, HistoryOptions {
  readonly from: string;
  readonly to: string;
  readonly incident?: string;
  readonly out: string;
}

/** CloudWatch keeps minutes for 15 days; a recording must not lose its beginning while it is made. */
const KEPT_MS = 15 * 86_400_000 - 60 * MINUTE_MS;

export function recordCommand(context: CliContext, host: AlarmsHost): Command {
  return new Command('record')
    .argument('<alarm>', 'id of an alarm: its metrics, and those of all alarms it reads, are recorded')
    .description('write what its metrics were in a span, for a test that it fires then')
    .requiredOption('--from <time>', 'from this time: 2026-11-03T10:00Z, or how long ago: 3h')
    .requiredOption('--to <time>', 'up to this time, itself left out')
    .option('--incident <time>', 'when the incident began, for must_fire_within (default: --from)')
    .requiredOption('-o, --out <file>', 'where to write it')
    .option('--json', 'what was written as JSON')
    .option('--cache <folder>', 'where metrics once read are kept (default: the journal’s path and .history)')
    .option('--no-cache', 'ask CloudWatch for everything again, and keep nothing')
    .addHelpText(
      'after',
      "\nExample:\n  gatewatch alarms record 'core/user-impact[orders/prod]' --from 2026-11-03T10:00Z --to 2026-11-03T12:00Z -o alarms/outage.json",
    )
    .action(async (id: string, options: RecordOptions) => {
      await withSession(context, host, options, async (session) => {
        const expansion = expandAlarms(session.files, session.inventory);
        const alarms = withChildren(expansion, id);
        const reach = reachOfRecording(options, alarms, context.now());
        const { incident } = options;
        const incidentMs =
          incident === undefined ? reach.fromMs : minuteOf('--incident', incident, context.now());
        const text = await recording(context, host, session, { alarms, reach, incidentMs, options });
        context.writeFile(resolve(context.cwd, options.out), text, { mode: 0o644, replace: true });
        const minutes = (reach.toMs - reach.fromMs) / MINUTE_MS;
        context.stdout.write(
          options.json
            ? `${JSON.stringify({ file: options.out, minutes, alarms: alarms.map((one) => one.id) }, null, 2)}\n`
            : `Recorded ${minutes} minutes into ${options.out}.\n`,
        );
      });
    });
}

function reachOfRecording(options: RecordOptions, alarms: Expansion['instances'], nowMs: number): Reach {
  const [fromMs, toMs] = [minuteOf('--from', options.from, nowMs), minuteOf('--to', options.to, nowMs)];
  if (fromMs >= toMs || toMs > nowMs - SETTLED_MS) {
    throw new UserError(
      'record_span',
      `Expected --from before --to, and --to at least a quarter of an hour ago, got ${options.from} and ${options.to}: newer points may still change`,
    );
  }
  if (fromMs < nowMs - KEPT_MS) {
    throw new UserError(
      'record_span',
      `Expected --from within the last 15 days, got ${options.from}: CloudWatch keeps no minutes before`,
    );
  }
  return { fromMs, toMs, readFromMs: Math.max(fromMs - leadOf(alarms), ceilMinute(nowMs - KEPT_MS)) };
}

function minuteOf(option: string, text: string, nowMs: number): number {
  return Math.floor(parseTime(option, text, nowMs) / MINUTE_MS) * MINUTE_MS;
}

function ceilMinute(ms: number): number {
  return Math.ceil(ms / MINUTE_MS) * MINUTE_MS;
}

/** The alarm and everything it reads, through other composites too. */
function withChildren({ instances }: Expansion, id: string): Expansion['instances'] {
  const root = instances.find((instance) => instance.id === id);
  if (root === undefined) {
    throw new UserError(
      'alarm_unknown',
      `Expected the id of an alarm, got ${id}: \`gatewatch alarms plan --json\` lists them`,
    );
  }
  const { account, region } = root.resource.key;
  const near = instances.filter(({ resource: { key } }) => key.account === account && key.region === region);
  const byName = new Map(near.map((instance) => [instance.resource.key.name, instance]));
  const chosen = new Set([root]);
  for (const instance of chosen) {
    for (const name of instance.resource.children) {
      const child = byName.get(name);
      if (child !== undefined) chosen.add(child);
    }
  }
  return [...chosen];
}

async function recording(
  context: CliContext,
  host: AlarmsHost,
  session: Session,
  chosen: {
    readonly alarms: Expansion['instances'];
    readonly reach: Reach;
    readonly incidentMs: number;
    readonly options: HistoryOptions;
  },
): Promise<string> {
  const { alarms, reach, incidentMs, options } = chosen;
  const { config, inventory } = session;
  const history = await readHistory({
    context,
    host,
    config,
    stages: inventory.stages,
    alarms,
    reach,
    options,
  });
  const { series, silent } = recordedSeries(alarms, history);
  for (const what of silent) context.stderr.write(`${what}: no history in this time, recorded as gaps\n`);
  const [first] = alarms;
  if (first === undefined) throw new UserError('alarm_unknown', 'Expected an alarm to record, got none');
  const { stage } = first.each;
  return writeRecording({
    each: { api: { name: stage.apiName, id: stage.apiId, protocol: stage.protocol }, stage: stage.stage },
    startMs: reach.fromMs,
    incidentMs: incidentMs - reach.fromMs,
    series,
  });
}
