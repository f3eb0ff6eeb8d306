import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readPlan } from '../../alarms/plan-file.ts';
import { GatewatchError } from '../../core/errors.ts';
import type { AlarmsHost } from '../alarms/alarm-session.ts';
import { createAlarmsCommand } from '../commands/alarms.ts';
import type { CliContext } from '../context.ts';

/** The example set of this repository: the demo takes over who is told, and under whose name. */
const EXAMPLES = fileURLToPath(new URL('../../../alarms/', import.meta.url));
const TAKEN_OVER = ['_defaults.yaml', 'routing.yaml'] as const;

const FOLDER = 'alarms';
const PLAN = 'plan.json';

/** The alarm that the demo is about. */
export const DEMO_ALARM = 'p99';

/** Small enough for a screen, and applied within seconds at the three writes a second that CloudWatch allows. */
const DEMO_SET = `apiVersion: gatewatch/v1
kind: AlarmSet
metadata: { name: demo, labels: { team: orders } }
spec:
  for_each: { source: stages, match: { name: orders-api, stage: prod } }
  alarms:
    - id: ${DEMO_ALARM}
      metric: latency
      ExtendedStatistic: p99
      ComparisonOperator: GreaterThanThreshold
      Threshold: 3000
      Period: 300
      EvaluationPeriods: 1
      TreatMissingData: notBreaching
      min_samples: 100             # CloudWatch wants a thousand for a P99; there is less made-up traffic
      disable: [thin-percentile]
      severity: ticket
    - { id: authorizer-failures, use: apigw/authorizer-failures, Threshold: 40 }
    - { id: user-impact, rule: ALARM(${DEMO_ALARM}) OR ALARM(authorizer-failures), severity: page }
`;

/** An alarm of the demo as it was planned. */
export interface PlannedAlarm {
  readonly name: string;
  /** Topics by the state that they are told of. */
  readonly topics: Readonly<Record<'ALARM' | 'OK' | 'INSUFFICIENT_DATA', readonly string[]>>;
}

/** Plans and applies the demo's alarms with the commands that people use. Throws when that did not go through. */
export async function planAndApply(
  context: CliContext,
  host: AlarmsHost,
  folder: string,
): Promise<readonly PlannedAlarm[]> {
  writeAlarmFiles(context, folder);
  context.stdout.write(`\n${FOLDER}/demo.yaml\n${indented(DEMO_SET)}`);
  await run(context, host, folder, ['plan', '-o', PLAN], [2]);
  const planned = readPlan(PLAN, context.readFile(join(folder, PLAN)));
  // Partly applied, as when CloudWatch refuses too many writes at once: the rest is left for another run.
  for (let tries = 0; tries < 3; tries += 1) {
    const code = await run(context, host, folder, tries === 0 ? ['apply', PLAN] : ['apply', '--yes'], [0, 3]);
    if (code === 0) break;
  }
  return planned.changes.flatMap((change): PlannedAlarm[] =>
    'desired' in change && change.desired.key.type !== 'metric_filter'
      ? [{ name: change.desired.key.name, topics: topicsOf(change.desired.properties) }]
      : [],
  );
}

function writeAlarmFiles(context: CliContext, folder: string): void {
  const write = (name: string, text: string) =>
    context.writeFile(join(folder, FOLDER, name), text, { mode: 0o644, replace: true });
  for (const name of TAKEN_OVER) write(name, context.readFile(join(EXAMPLES, name)));
  write('demo.yaml', DEMO_SET);
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ');
}

async function run(
  context: CliContext,
  host: AlarmsHost,
  folder: string,
  args: readonly string[],
  expected: readonly number[],
): Promise<number> {
  let code = 0;
  const setExitCode = (exit: number) => {
    code = exit;
  };
  context.stdout.write(`\n$ gatewatch alarms ${args.join(' ')}\n`);
  const command = createAlarmsCommand({ ...context, cwd: folder, setExitCode }, host);
  await command.parseAsync([...args, '--config', 'gatewatch.yaml'], { from: 'user' });
  if (expected.includes(code)) return code;
  throw new GatewatchError(
    'demo_alarms',
    `Expected \`gatewatch alarms ${args.join(' ')}\` to end with ${expected.join(' or ')}, got ${code}`,
  );
}

function topicsOf(properties: Readonly<Record<string, unknown>>): PlannedAlarm['topics'] {
  const list = (name: string): string[] => {
    const value = properties[name];
    return Array.isArray(value) ? value.map(String) : [];
  };
  return {
    ALARM: list('AlarmActions'),
    OK: list('OKActions'),
    INSUFFICIENT_DATA: list('InsufficientDataActions'),
  };
}
