import { join } from 'node:path';
import { readPlan } from '../../alarms/plan-file.ts';
import type { Clock } from '../../core/clock.ts';
import { GatewatchError } from '../../core/errors.ts';
import type { AlarmsHost } from '../alarms/alarm-session.ts';
import { createAlarmsCommand } from '../commands/alarms.ts';
import type { CliContext, TextOutput } from '../context.ts';
import { ownPackage } from '../own-package.ts';

/** Of the example set that comes with the package: who is told, and under whose name. */
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

/** How long after a try that was refused the next one follows. */
const PAUSE_MS = 1_000;
/** `denied` refuses the first calls of each of a dozen operations, one after the other. */
const MOST_TRIES = 120;

/**
 * The demo's alarms, planned and applied with the commands that people use. Where calls are refused, as faults do, what
 * is open is tried again: what was applied by then is no change of the next plan any more.
 */
export class DemoAlarms {
  readonly #host: AlarmsHost;
  readonly #folder: string;
  readonly #planned = new Map<string, PlannedAlarm>();
  #refusal: string | undefined;

  constructor(host: AlarmsHost, folder: string) {
    this.#host = host;
    this.#folder = folder;
  }

  /** Every alarm of the plans so far. */
  get planned(): readonly PlannedAlarm[] {
    return [...this.#planned.values()];
  }

  /** Why the last try did not go through; absent before one and once they are all applied. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** The first try, in full view. Returns whether it went through. */
  async begin(context: CliContext): Promise<boolean> {
    writeAlarmFiles(context, this.#folder);
    context.stdout.write(`\n${FOLDER}/demo.yaml\n${indented(DEMO_SET)}`);
    return this.#try(context);
  }

  /** Tries until it goes through; what that try printed is shown then. Throws the refusal after `mostTries`. */
  async goOn(context: CliContext, clock: Clock, mostTries = MOST_TRIES): Promise<void> {
    for (let tries = 0; tries < mostTries; tries += 1) {
      await clock.sleep(PAUSE_MS, this.#host.signal);
      let said = '';
      const stdout = { write: (text: string) => (said += text) };
      if (!(await this.#try({ ...context, stdout, stderr: { write: () => undefined } }))) continue;
      context.stdout.write(said);
      return;
    }
    throw new GatewatchError('demo_alarms', `The demo's alarms could not be applied: ${this.#refusal}`);
  }

  async #try(context: CliContext): Promise<boolean> {
    try {
      await this.#planAndApply(context);
      this.#refusal = undefined;
      return true;
    } catch (error) {
      this.#host.signal.throwIfAborted();
      if (!(error instanceof GatewatchError)) throw error;
      [this.#refusal] = error.message.split('\n');
      return false;
    }
  }

  async #planAndApply(context: CliContext): Promise<void> {
    const code = await this.#run(context, ['plan', '-o', PLAN], this.#planned.size === 0 ? [2] : [0, 2]);
    if (code === 0) return;
    const plan = readPlan(PLAN, context.readFile(join(this.#folder, PLAN)));
    for (const change of plan.changes) {
      if (!('desired' in change) || change.desired.key.type === 'metric_filter') continue;
      const { key, properties } = change.desired;
      this.#planned.set(key.name, { name: key.name, topics: topicsOf(properties) });
    }
    await this.#run(context, ['apply', PLAN], [0]);
  }

  /** Runs `gatewatch alarms …` from the demo's folder. Throws, with the first thing it complained of, when it ends otherwise. */
  async #run(context: CliContext, args: readonly string[], expected: readonly number[]): Promise<number> {
    let code = 0;
    let said = '';
    const watched = {
      ...context,
      cwd: this.#folder,
      stderr: heard(context.stderr, (text) => {
        said += text;
      }),
      setExitCode: (exit: number) => {
        code = exit;
      },
    };
    context.stdout.write(`\n$ gatewatch alarms ${args.join(' ')}\n`);
    const command = createAlarmsCommand(watched, this.#host);
    await command.parseAsync([...args, '--config', 'gatewatch.yaml'], { from: 'user' });
    if (expected.includes(code)) return code;
    const [complaint = ''] = said.split('\n');
    const ended = `gatewatch alarms ${args.join(' ')} ended with ${code}, not ${expected.join(' or ')}`;
    throw new GatewatchError('demo_alarms', complaint === '' ? ended : `${complaint} (${ended})`);
  }
}

function writeAlarmFiles(context: CliContext, folder: string): void {
  const write = (name: string, text: string) =>
    context.writeFile(join(folder, FOLDER, name), text, { mode: 0o644, replace: true });
  const examples = join(ownPackage().root, FOLDER);
  for (const name of TAKEN_OVER) write(name, context.readFile(join(examples, name)));
  write('demo.yaml', DEMO_SET);
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ');
}

function heard(output: TextOutput, hear: (text: string) => void): TextOutput {
  const write = (text: string) => {
    hear(text);
    return output.write(text);
  };
  return { write, ...(output.isTTY === true && { isTTY: true }) };
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
