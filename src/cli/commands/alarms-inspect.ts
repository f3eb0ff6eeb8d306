import { Command } from 'commander';
import { alarmJsonSchema } from '../../alarms/format/json-schema.ts';
import { monthlyPrice, UNVERIFIED_ALARM_PRICES } from '../../alarms/prices.ts';
import { publishedPrice } from '../../alarms/publishing/published-price.ts';
import type { ResourceType } from '../../model/managed-resource.ts';
import { OWNER_TAGS } from '../../plan/ownership.ts';
import {
  type AlarmOptions,
  type AlarmsHost,
  expanded,
  planned,
  withSession,
} from '../alarms/alarm-session.ts';
import { driftText, findDrift } from '../alarms/drift.ts';
import { explainJson, explainText } from '../alarms/explain.ts';
import type { CliContext } from '../context.ts';

const EXIT_DRIFT = 2;

/** Commands that only look: drift, explain, cost, schema. */
export function driftCommand(context: CliContext, host: AlarmsHost): Command {
  return new Command('drift')
    .description('what was changed by hand since the last apply; exit 0 nothing, 2 drift, 1 error')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  gatewatch alarms drift --json')
    .action(async (options: AlarmOptions) => {
      await withSession(context, host, options, async (session) => {
        const plan = await planned(context, host, options, session);
        const { clients } = session;
        const drift = await findDrift(plan, { clients, nowMs: context.now(), signal: host.signal });
        context.stdout.write(
          options.json ? `${JSON.stringify(drift, null, 2)}\n` : driftText(drift, plan.partial),
        );
        if (drift.length > 0) context.setExitCode(EXIT_DRIFT);
        if (plan.partial.size > 0) context.setExitCode(1);
      });
    });
}

export function explainCommand(context: CliContext, host: AlarmsHost): Command {
  return new Command('explain')
    .argument('<id>', 'id or name of an alarm; a part of it is enough')
    .description('every field of an alarm with the file and line it came from')
    .option('--json', 'as JSON')
    .addHelpText('after', "\nExample:\n  gatewatch alarms explain 'latency-p99[orders/prod]'")
    .action(async (id: string, options: AlarmOptions) => {
      await withSession(context, host, options, async (session) => {
        const expansion = await expanded(context, host, options, session);
        context.stdout.write(
          options.json
            ? explainJson(expansion, id, options.dir)
            : explainText(expansion, id, options.dir, OWNER_TAGS.id),
        );
      });
    });
}

/** What belongs to no set of alarms. */
const GROUPED: Partial<Readonly<Record<ResourceType, string>>> = {
  metric_filter: 'metric filters',
  mute_rule: 'mute rules',
};

export function costCommand(context: CliContext, host: AlarmsHost): Command {
  return new Command('cost')
    .description(
      'what the alarms of these files cost a month, by set; exit 1 when not every API could be listed',
    )
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  gatewatch alarms cost')
    .action(async (options: AlarmOptions) => {
      await withSession(context, host, options, async (session) => {
        const expansion = await expanded(context, host, options, session);
        const sums = new Map<string, { alarms: number; dollars: number }>();
        for (const resource of expansion.resources) {
          const set = GROUPED[resource.key.type] ?? resource.id.split('/')[0] ?? '';
          const sum = sums.get(set) ?? { alarms: 0, dollars: 0 };
          sum.alarms += 1;
          sum.dollars += monthlyPrice(resource, UNVERIFIED_ALARM_PRICES);
          sums.set(set, sum);
        }
        const own = publishedPrice(
          session.inventory.stages,
          session.config.alarms.publish,
          UNVERIFIED_ALARM_PRICES,
        );
        if (own.metrics > 0) {
          sums.set('published signals', { alarms: own.metrics, dollars: own.dollarsPerMonth });
        }
        const isWhole = session.inventory.complete;
        const total = [...sums.values()].reduce((sum, { dollars }) => sum + dollars, 0);
        context.stdout.write(
          options.json
            ? `${JSON.stringify({ sets: Object.fromEntries(sums), total, complete: isWhole, pricesVerified: false }, null, 2)}\n`
            : `${[...sums].map(([set, sum]) => `${set.padEnd(24)} ${String(sum.alarms).padStart(6)}  $${sum.dollars.toFixed(2)}`).join('\n')}\n` +
                `total $${total.toFixed(2)} a month (list prices, unverified)${isWhole ? '' : ', without what could not be listed'}\n`,
        );
        if (!isWhole) context.setExitCode(1);
      });
    });
}

export function schemaCommand(context: CliContext): Command {
  return new Command('schema')
    .description('JSON Schema of alarm files, for editors that read `# yaml-language-server: $schema=…`')
    .addHelpText('after', '\nExample:\n  gatewatch alarms schema > schemas/gatewatch.v1.json')
    .action(() => {
      context.stdout.write(`${JSON.stringify(alarmJsonSchema(), null, 2)}\n`);
    });
}
