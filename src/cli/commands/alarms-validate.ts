import { join } from 'node:path';
import { Command } from 'commander';
import { expandAlarms } from '../../alarms/expand-alarms.ts';
import { loadAlarmFiles } from '../../alarms/format/load-alarm-files.ts';
import type { Finding } from '../../alarms/lint/finding.ts';
import { lintAlarms } from '../../alarms/lint/lint-alarms.ts';
import { filesWithoutAws, sampleStages } from '../../alarms/sample-stages.ts';
import type { Problem } from '../../documents/problem.ts';
import { type AlarmOptions, type AlarmsHost, alarmDirectory, inFolder } from '../alarms/alarm-session.ts';
import { findingLines } from '../alarms/coverage-text.ts';
import type { CliContext } from '../context.ts';

/** What can be said of the files without AWS. */
interface Validation {
  readonly files: number;
  readonly problems: readonly Problem[];
  readonly findings: readonly Finding[];
}

export function validateCommand(context: CliContext, host: AlarmsHost): Command {
  return new Command('validate')
    .description('check every file and lint every alarm, without AWS: exit 1 with each problem at its line')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  gatewatch alarms validate --dir alarms')
    .action((options: AlarmOptions) => {
      const validation = validate(context, host, options.dir);
      const isValid = [...validation.problems, ...validation.findings].every(
        ({ severity }) => severity !== 'error',
      );
      if (!isValid) context.setExitCode(1);
      if (options.json) context.stdout.write(`${JSON.stringify(jsonOf(validation, options.dir), null, 2)}\n`);
      else print(context, validation, isValid, options.dir);
    });
}

function validate(context: CliContext, host: AlarmsHost, dir: string): Validation {
  const loaded = loadAlarmFiles(alarmDirectory(context, host, dir));
  if (!loaded.ok) return { files: 0, problems: loaded.problems, findings: [] };
  const { files } = loaded;
  const { published: _, ...lists } = files;
  const stages = sampleStages(files);
  const { instances, problems } = expandAlarms(filesWithoutAws(files), { stages, complete: true });
  return {
    files: Object.values(lists).flat().length,
    problems: onceEach(problems),
    // An alarm of a made-up stage: only which alarm it is means anything.
    findings: lintAlarms(instances).map((finding) => ({ ...finding, id: finding.id.replace(/\[.*\]$/, '') })),
  };
}

/** What is wrong in a file is wrong for every stage. */
function onceEach(problems: readonly Problem[]): readonly Problem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}

function print(
  context: CliContext,
  { files, problems, findings }: Validation,
  isValid: boolean,
  dir: string,
): void {
  for (const problem of problems) context.stderr.write(`${inFolder(dir, problem)}\n`);
  for (const line of findingLines(onceEachFinding(findings), dir)) context.stdout.write(`${line}\n`);
  if (isValid) context.stdout.write(files === 1 ? '1 file is valid.\n' : `${files} files are valid.\n`);
}

function onceEachFinding(findings: readonly Finding[]): readonly Finding[] {
  const groups = Map.groupBy(findings, ({ id, rule }) => `${id} ${rule}`);
  return [...groups.values()].flatMap(([first]) => first ?? []);
}

/** Files are named as they are opened, from where the command stands. */
function jsonOf({ files, problems, findings }: Validation, dir: string) {
  const placed = <T extends { readonly file: string }>(items: readonly T[]) =>
    items.map((item) => ({ ...item, file: join(dir, item.file) }));
  return { files, problems: placed(problems), findings: placed(onceEachFinding(findings)) };
}
