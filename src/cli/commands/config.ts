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

function createCheckCommand(context: CliContext): Command {
  return new Command('check')
    .description('report every problem of the file with line and remedy; exit 1 if there is one')
    .option('-c, --config <path>', 'configuration file', DEFAULT_CONFIG_PATH)
    .addHelpText('after', '\nExample:\n  gatewatch config check --config gatewatch.yaml')
    .action((options: { config: string }) => {
      const loaded = loadOrReport(context, options.config);
      if (loaded !== undefined) context.stdout.write(`${options.config}: ${summary(loaded)}\n`);
    });
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

function summary({ config, warnings }: LoadedConfig): string {
  const regions = new Set(Object.values(config.accounts).flatMap((account) => account.regions)).size;
  const sinks = Object.entries(config.sinks).map(([name, sink]) => `${name} (${sink.type})`);
  const parts = [
    counted(Object.keys(config.accounts).length, 'account'),
    counted(regions, 'Region'),
    `${counted(sinks.length, 'sink')}: ${sinks.join(', ')}`,
  ];
  const warned = warnings.length === 0 ? '' : `, ${counted(warnings.length, 'warning')}`;
  return `ok, ${parts.join(', ')}${warned}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
