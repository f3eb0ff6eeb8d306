import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Expansion, expandAlarms } from '../../src/alarms/expand-alarms.ts';
import { type AlarmFiles, loadAlarmFiles } from '../../src/alarms/format/load-alarm-files.ts';
import { stageOf } from '../../src/alarms/sample-stages.ts';
import { formatProblem } from '../../src/documents/problem.ts';
import { createEnvResolver } from '../../src/documents/references.ts';
import type { Protocol, StageInventory } from '../../src/model/inventory.ts';

const resolvers = new Map([
  ['env', createEnvResolver({ TOPIC: 'arn:aws:sns:eu-west-1:111122223333:oncall' })],
]);

export function load(files: Readonly<Record<string, string>>) {
  return loadAlarmFiles({ files: Object.entries(files).map(([path, text]) => ({ path, text })), resolvers });
}

/** Problems as people read them; empty when the files are fine. */
export function problemsOf(files: Readonly<Record<string, string>>): readonly string[] {
  const result = load(files);
  return result.ok ? [] : result.problems.map(formatProblem);
}

export function filesOf(files: Readonly<Record<string, string>>): AlarmFiles {
  const result = load(files);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.files;
}

export function stage(
  apiName: string,
  more: Partial<StageInventory> & { protocol?: Protocol } = {},
): StageInventory {
  return { ...stageOf({ apiId: `id-${apiName}`, apiName, stage: 'prod', protocol: 'REST' }), ...more };
}

export function expand(
  files: Readonly<Record<string, string>>,
  ...stages: readonly StageInventory[]
): Expansion {
  return expandAlarms(filesOf(files), { stages, complete: true });
}

/** The example set of the repository. */
export function exampleFiles(): Readonly<Record<string, string>> {
  const folder = fileURLToPath(new URL('../../alarms/', import.meta.url));
  const names = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.yaml'));
  return Object.fromEntries(names.map((name) => [name, readFileSync(`${folder}${name}`, 'utf8')]));
}

/** One set with one alarm, whatever the test is about put in. */
export function setWith(alarm: string, more = ''): Readonly<Record<string, string>> {
  return {
    'core.yaml': `apiVersion: gatewatch/v1
kind: AlarmSet
metadata: { name: core, labels: { team: payments } }
spec:
  for_each: { source: stages }
  alarms:
    - ${alarm}
${more}`,
  };
}

export const ERRORS =
  '{ id: errors, metric: errors.server, Statistic: Average, Threshold: 0.05, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 3 }';
