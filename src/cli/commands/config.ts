import { Command } from 'commander';
import { configJsonSchema } from '../../config/json-schema.ts';
import { optionReferenceMarkdown } from '../../config/option-reference.ts';
import { printConfigJson, printConfigYaml } from '../../config/print-config.ts';
import { formatProblem, type Problem } from '../../documents/problem.ts';
import { DEFAULT_CONFIG_PATH, type LoadedConfig, readConfigFile } from '../config-file.ts';
import type { CliContext } from '../context.ts';

/** `gatewatch config check | print | schema | reference`. */
export function createConfigCommand(context: CliContext): Command {
  return new Command('config')
    .description('check, print and document the configuration file')
    .addHelpText('after', '\nExample:\n  gatewatch config check --config gatewatch.yaml')
    .addCommand(createCheckCommand(context))
    .addCommand(createPrintCommand(context))
    .addCommand(createSchemaCommand(context))
    .addCommand(createReferenceCommand(context));
}

const CHECK_EXAMPLES = `
Examples:
  gatewatch config check --config gatewatch.yaml
  gatewatch config check --json | jq '.problems[]'`;

function createCheckCommand(context: CliContext): Command {
  return new Command('check')
    .description('report every problem of the file with line and remedy; exit 1 if there is one')
    .option('-c, --config <path>', 'configuration file', DEFAULT_CONFIG_PATH)
    .option('--json', 'as JSON, warnings among the problems')
    .addHelpText('after', CHECK_EXAMPLES)
    .action((options: { config: string; json?: true }) => {
      if (options.json) {
        checkAsJson(context, options.config);
        return;
      }
      const loaded = loadOrReport(context, options.config);
      if (loaded !== undefined) context.stdout.write(`${options.config}: ${summary(loaded)}\n`);
    });
}

/** What it says of a good file is there only then; `problems` is always. */
function checkAsJson(context: CliContext, path: string): void {
  const loaded = readConfigFile(context, path);
  if (!loaded.ok) context.setExitCode(1);
  const problems = loaded.ok ? loaded.warnings : loaded.problems;
  const found = loaded.ok ? contentsOf(loaded) : {};
  context.stdout.write(`${JSON.stringify({ file: path, valid: loaded.ok, ...found, problems }, null, 2)}\n`);
}

function createPrintCommand(context: CliContext): Command {
  return new Command('print')
    .description('print the configuration in force: references followed, defaults filled in, secrets as ***')
    .option('-c, --config <path>', 'configuration file', DEFAULT_CONFIG_PATH)
    .option('--json', 'as JSON instead of YAML')
    .addHelpText('after', '\nExample:\n  gatewatch config print --json')
    .action((options: { config: string; json?: true }) => {
      const loaded = loadOrReport(context, options.config);
      if (loaded === undefined) return;
      context.stdout.write(options.json ? printConfigJson(loaded.config) : printConfigYaml(loaded.config));
    });
}

function createSchemaCommand(context: CliContext): Command {
  return new Command('schema')
    .description('print the JSON Schema of the file, for editors')
    .addHelpText('after', '\nExample:\n  gatewatch config schema > gatewatch.schema.json')
    .action(() => {
      context.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    });
}

function createReferenceCommand(context: CliContext): Command {
  return new Command('reference')
    .description('print every option with type, default, meaning and example, as Markdown')
    .addHelpText('after', '\nExample:\n  gatewatch config reference > options.md')
    .action(() => {
      context.stdout.write(optionReferenceMarkdown());
    });
}

function loadOrReport(context: CliContext, path: string): LoadedConfig | undefined {
  const loaded = readConfigFile(context, path);
  if (loaded.ok) {
    report(context, loaded.warnings);
    return loaded;
  }
  report(context, loaded.problems);
  const errors = loaded.problems.filter((problem) => problem.severity === 'error').length;
  context.stderr.write(`${path}: ${counted(errors, 'problem')}\n`);
  context.setExitCode(1);
  return undefined;
}

function report(context: CliContext, problems: readonly Problem[]): void {
  for (const problem of problems) context.stderr.write(`${formatProblem(problem)}\n`);
}

function contentsOf({ config }: LoadedConfig) {
  return {
    accounts: Object.keys(config.accounts),
    regions: [...new Set(Object.values(config.accounts).flatMap((account) => account.regions))],
    sinks: Object.entries(config.sinks).map(([name, { type }]) => ({ name, type })),
  };
}

function summary(loaded: LoadedConfig): string {
  const { accounts, regions, sinks } = contentsOf(loaded);
  const names = sinks.map(({ name, type }) => `${name} (${type})`);
  const parts = [
    counted(accounts.length, 'account'),
    counted(regions.length, 'Region'),
    `${counted(sinks.length, 'sink')}: ${names.join(', ')}`,
  ];
  const warned = loaded.warnings.length === 0 ? '' : `, ${counted(loaded.warnings.length, 'warning')}`;
  return `ok, ${parts.join(', ')}${warned}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
