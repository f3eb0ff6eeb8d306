import { resolve } from 'node:path';
import { Command } from 'commander';
import { messageOf, UserError } from '../../core/errors.ts';
import { createRedactor, type ExplainingRedactor } from '../../redact/redactor.ts';
import type { CliContext } from '../context.ts';

/** `gatewatch redact FILE|- [--explain]`: what redaction makes of each line of a file, to try before going live. */
export function createRedactCommand(context: CliContext): Command {
  return new Command('redact')
    .description('print the lines of a file as redaction leaves them; nothing is stored or sent')
    .argument('<file>', 'text file, e.g. lines copied from CloudWatch, or - for standard input')
    .option('--explain', 'show what each rule did to each line, without the secrets themselves')
    .option('--as <kind>', 'how to read a line: text, path or user-agent', 'text')
    .addHelpText('after', '\nExample:\n  gatewatch redact --explain access.log')
    .action((file: string, options: { explain?: true; as: string }) => {
      const redactor = createRedactor({ keys: [], pseudonymise: [] });
      const redact = redactionAs(redactor, options.as);
      const lines = linesOf(context, file);
      if (!options.explain) return print(context, lines.map(redact));
      print(
        context,
        lines.flatMap((line, index) => explainLine(redactor, redact, line, index + 1)),
      );
      context.stdout.write(summary(redactor, lines));
    });
}

function redactionAs(redactor: ExplainingRedactor, kind: string): (line: string) => string {
  if (kind === 'text') return redactor.text;
  if (kind === 'path') return redactor.path;
  if (kind === 'user-agent') return redactor.userAgent;
  throw new UserError('redact_kind', `Expected --as to be text, path or user-agent, got \`${kind}\`.`);
}

function linesOf(context: CliContext, file: string): readonly string[] {
  let text: string;
  try {
    text = context.readFile(file === '-' ? '/dev/stdin' : resolve(context.cwd, file));
  } catch (cause) {
    throw new UserError('redact_file', `Expected to read ${file}, got ${messageOf(cause)}; check its name.`, {
      cause,
    });
  }
  const lines = text.split(/\r?\n/);
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

function explainLine(
  redactor: ExplainingRedactor,
  redact: (line: string) => string,
  line: string,
  number: number,
): readonly string[] {
  const redacted = redact(line);
  if (redacted === line) return [`${number}: unchanged`];
  const rules = redactor.explain(line).map(({ rule, start, end, replacement }) => {
    return `     ${rule}: characters ${start + 1} to ${end} became ${replacement}`;
  });
  return [
    `${number}: ${redacted}`,
    ...(rules.length > 0 ? rules : ['     stripped or cut, no rule for secrets applied']),
  ];
}

function summary(redactor: ExplainingRedactor, lines: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const { rule } of lines.flatMap((line) => redactor.explain(line))) {
    counts.set(rule, (counts.get(rule) ?? 0) + 1);
  }
  const told = [...counts].sort(([a], [b]) => a.localeCompare(b)).map(([rule, count]) => `${rule} ${count}`);
  return `${lines.length} line${lines.length === 1 ? '' : 's'}; ${told.join(', ') || 'nothing replaced'}\n`;
}

function print(context: CliContext, lines: readonly string[]): void {
  context.stdout.write(lines.map((line) => `${line}\n`).join(''));
}
