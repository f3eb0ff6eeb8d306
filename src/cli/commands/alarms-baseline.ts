import { Command } from 'commander';
import { baselineYaml, measureBaselines } from '../../alarms/traffic-baseline.ts';
import { parseDuration } from '../../core/duration.ts';
import { UserError } from '../../core/errors.ts';
import { type AlarmOptions, type AlarmsHost, withSession } from '../alarms/alarm-session.ts';
import type { CliContext } from '../context.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** CloudWatch keeps minutes for 15 days. */
const LONGEST_MS = 14 * DAY_MS;
/** The newest minutes are not whole yet. */
const SETTLE_MS = 3 * MINUTE_MS;
const PRICE_PER_METRIC = 0.00001;

/** `gatewatch alarms baseline`: what `traffic-drop` and AWS's own traffic alarm are measured by. */
export function baselineCommand(context: CliContext, host: AlarmsHost): Command {
  return new Command('baseline')
    .description(
      'measure the requests a minute below which the traffic of a stage has vanished, as overrides to paste; exit 1 when none could be measured',
    )
    .option('--since <duration>', 'how far back, 1h to 14d', '14d')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  gatewatch alarms baseline --since 14d')
    .action(async (options: AlarmOptions & { readonly since: string }) => {
      await withSession(context, host, options, async ({ config, inventory: { stages } }) => {
        const span = spanOf(options.since, context.now());
        context.stderr.write(
          `Reads ${stages.length} metrics: about $${(stages.length * PRICE_PER_METRIC).toFixed(4)} (list price, unverified).\n`,
        );
        const aws = host.connect(config);
        try {
          const measured = await measureBaselines({ aws, stages, span, signal: host.signal });
          const rows = [...measured].map(([{ apiId, apiName, stage, account, region }, found]) => ({
            ...{ account, region, apiId, apiName, stage },
            ...found,
          }));
          context.stdout.write(
            options.json ? `${JSON.stringify(rows, null, 2)}\n` : baselineYaml(measured, span),
          );
          if (rows.every(({ kind }) => kind === 'refused')) context.setExitCode(1);
        } finally {
          aws.close();
        }
      });
    });
}

function spanOf(since: string, nowMs: number): { readonly fromMs: number; readonly toMs: number } {
  const lengthMs = parseDuration(since);
  if (lengthMs === undefined || lengthMs < 60 * MINUTE_MS || lengthMs > LONGEST_MS) {
    throw new UserError('baseline_since', `Expected --since between 1h and 14d, got ${since}`);
  }
  const toMs = Math.floor((nowMs - SETTLE_MS) / MINUTE_MS) * MINUTE_MS;
  return { fromMs: toMs - lengthMs, toMs };
}
