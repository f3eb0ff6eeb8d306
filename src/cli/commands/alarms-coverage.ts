import { Command } from 'commander';
import { coverageOf } from '../../alarms/coverage.ts';
import type { Expansion } from '../../alarms/expand-alarms.ts';
import { metricKey } from '../../alarms/lint/finding.ts';
import { lintAlarms } from '../../alarms/lint/lint-alarms.ts';
import { isLogSignal, metricOf } from '../../alarms/portable-metrics.ts';
import {
  type AlarmOptions,
  type AlarmsHost,
  expanded,
  type Session,
  withSession,
} from '../alarms/alarm-session.ts';
import { coverageText } from '../alarms/coverage-text.ts';
import { measuredFacts } from '../alarms/measured-facts.ts';
import type { CliContext } from '../context.ts';

const EXIT_UNCOVERED = 2;

export function coverageCommand(context: CliContext, host: AlarmsHost): Command {
  return new Command('coverage')
    .description(
      'every API stage × what it should be watched for, and what the linter finds; exit 2 when something is not covered, 1 when not every API could be listed',
    )
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  gatewatch alarms coverage')
    .action(async (options: AlarmOptions) => {
      await withSession(context, host, options, async (session) => {
        const expansion = await expanded(context, host, options, session);
        const facts = await measuredFacts(context, host, session, expansion.instances);
        const cells = coverageOf(
          session.inventory.stages,
          expansion.instances,
          session.files.mutes.map(({ value }) => value.spec),
          {
            hadData: (stage, metric) => {
              const ref = isLogSignal(metric) ? undefined : metricOf(metric, stage);
              return ref && facts.alive?.keys.has(metricKey(stage.account, stage.region, ref));
            },
            heard: await heardTopics(expansion, session, host.signal),
            refusals: expansion.refusals,
          },
        );
        const findings = lintAlarms(expansion.instances, facts);
        context.stdout.write(
          options.json
            ? `${JSON.stringify({ cells, findings }, null, 2)}\n`
            : coverageText(cells, findings, options.dir),
        );
        if (cells.some(({ state }) => state !== 'covered')) context.setExitCode(EXIT_UNCOVERED);
        // What could not be listed is not known to be covered.
        if (!session.inventory.complete) context.setExitCode(1);
      });
    });
}

/** Topics with a confirmed subscription. One that cannot be looked at counts as heard by nobody, which is said. */
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
