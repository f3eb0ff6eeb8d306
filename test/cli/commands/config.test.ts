import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { createConfigCommand } from '../../../src/cli/commands/config.ts';
import { createInitCommand } from '../../../src/cli/commands/init.ts';
import { EXAMPLE_CONFIG, exampleFiles, HEC_TOKEN } from '../../config/example-config.ts';
import { contextFor, filesFrom, nothingPrinted } from '../../support/cli-context.ts';

const ENV = { EXTERNAL_ID: 'e', DT_TOKEN: 'd' };

function createMemoryContext(settings: { env?: Record<string, string>; fileSystemType?: number } = {}) {
  const files = exampleFiles();
  const written = new Map<string, number>();
  const printed = nothingPrinted();
  const context = contextFor(printed, {
    env: settings.env ?? ENV,
    ...filesFrom(files),
    writeFile: (path, text, { mode }) => {
      files.set(path, text);
      written.set(path, mode);
    },
    fileSystemType: () => settings.fileSystemType,
    randomBytes: (count) => new Uint8Array(count).fill(7),
  });
  return { context, files, written, printed };
}

async function run(cli: ReturnType<typeof createMemoryContext>, ...args: string[]) {
  await createConfigCommand(cli.context).parseAsync(args, { from: 'user' });
}

test('config check says in one line what a good file holds', async () => {
  const cli = createMemoryContext();
  cli.files.set('/etc/gatewatch/gatewatch.yaml', EXAMPLE_CONFIG);
  await run(cli, 'check');
  expect(cli.printed.code).toBe(0);
  expect(cli.printed.out).toBe(
    'gatewatch.yaml: ok, 2 accounts, 1 Region, 2 sinks: splunk-main (splunk_hec), dynatrace (dynatrace_otlp)\n',
  );
});

test('config check prints every problem with its line and exits 1', async () => {
  const cli = createMemoryContext();
  const text = EXAMPLE_CONFIG.replace('metrics:', 'metrcs:').replace('index: apigw', 'gzip: 1');
  cli.files.set('/etc/gatewatch/bad.yaml', text);
  await run(cli, 'check', '--config', 'bad.yaml');
  expect(cli.printed.code).toBe(1);
  expect(cli.printed.err).toMatch(
    /^bad\.yaml:15:1 {2}metrcs .*did you mean metrics\?\nbad\.yaml:21:110 {2}sinks\.splunk-main\.gzip .*\nbad\.yaml: 2 problems\n$/,
  );
  expect(cli.printed.out).toBe('');
});

test('config check names a missing file and how to make one', async () => {
  const cli = createMemoryContext();
  await run(cli, 'check');
  expect(cli.printed.code).toBe(1);
  expect(cli.printed.err).toContain('run `gatewatch init`');
});

test('config check refuses a journal on a network share and in a Lambda function', async () => {
  for (const settings of [{ fileSystemType: 0x6969 }, { env: { ...ENV, AWS_LAMBDA_FUNCTION_NAME: 'f' } }]) {
    const cli = createMemoryContext(settings);
    cli.files.set('/etc/gatewatch/gatewatch.yaml', EXAMPLE_CONFIG);
    await run(cli, 'check');
    expect(cli.printed.code).toBe(1);
    expect(cli.printed.err).toContain('journal.path  expected a disk that SQLite can lock');
  }
});

test('config check --json prints one document: what the file holds, and every problem or warning', async () => {
  const cli = createMemoryContext();
  const warned = `${EXAMPLE_CONFIG}server: { host: 0.0.0.0 }\n`;
  cli.files.set('/etc/gatewatch/gatewatch.yaml', warned);
  await run(cli, 'check', '--json');
  expect(cli.printed).toMatchObject({ code: 0, err: '' });
  expect(JSON.parse(cli.printed.out)).toMatchObject({
    file: 'gatewatch.yaml',
    valid: true,
    accounts: ['central', 'identity'],
    regions: ['eu-west-1'],
    sinks: [
      { name: 'splunk-main', type: 'splunk_hec' },
      { name: 'dynatrace', type: 'dynatrace_otlp' },
    ],
    problems: [{ severity: 'warning', path: 'server.host' }],
  });
});

test('config check --json names every problem and exits 1, also of a missing file', async () => {
  const cli = createMemoryContext();
  const text = EXAMPLE_CONFIG.replace('metrics:', 'metrcs:').replace('index: apigw', 'gzip: 1');
  cli.files.set('/etc/gatewatch/bad.yaml', text);
  await run(cli, 'check', '--json', '--config', 'bad.yaml');
  expect(cli.printed).toMatchObject({ code: 1, err: '' });
  expect(JSON.parse(cli.printed.out)).toMatchObject({
    file: 'bad.yaml',
    valid: false,
    problems: [
      { severity: 'error', line: 15, column: 1, path: 'metrcs' },
      { severity: 'error', line: 21, path: 'sinks.splunk-main.gzip' },
    ],
  });
  expect(cli.printed.out).not.toContain(HEC_TOKEN);
  const none = createMemoryContext();
  await run(none, 'check', '--json', '--config', 'none.yaml');
  expect(none.printed).toMatchObject({ code: 1, err: '' });
  expect(JSON.parse(none.printed.out)).toMatchObject({ valid: false, problems: [{ file: 'none.yaml' }] });
});

test('config print shows the configuration in force without secrets, as YAML or JSON', async () => {
  const cli = createMemoryContext();
  cli.files.set('/etc/gatewatch/gatewatch.yaml', EXAMPLE_CONFIG);
  await run(cli, 'print');
  const yaml = cli.printed.out;
  await run(cli, 'print', '--json');
  expect(JSON.parse(cli.printed.out.slice(yaml.length))).toEqual(parse(yaml));
  expect(cli.printed.out).not.toContain(HEC_TOKEN);
});

test('config schema prints JSON and config reference Markdown', async () => {
  const cli = createMemoryContext();
  await run(cli, 'schema');
  expect(JSON.parse(cli.printed.out)).toMatchObject({ title: 'Gatewatch configuration' });
  await run(cli, 'reference');
  expect(cli.printed.out).toContain('# Options of gatewatch.yaml');
});

test('every config command has an example in its help', () => {
  const command = createConfigCommand(createMemoryContext().context);
  for (const each of [...command.commands, createInitCommand(createMemoryContext().context)]) {
    let help = '';
    each.configureOutput({ writeOut: (text) => (help += text) });
    each.outputHelp();
    expect(help).toMatch(/Examples?:\n {2}gatewatch /);
  }
});

test('init writes a file that config check accepts, and a key that only its owner may read', async () => {
  const cli = createMemoryContext({
    env: {
      SPLUNK_HEC_URL: 'http://127.0.0.1:4510',
      SPLUNK_HEC_TOKEN: 't',
      DT_OTLP_URL: 'http://127.0.0.1:4510/api/v2/otlp',
      DT_TOKEN: 'd',
    },
  });
  cli.files.clear();
  await createInitCommand(cli.context).parseAsync([], { from: 'user' });
  expect([...cli.written]).toEqual([
    ['/etc/gatewatch/gatewatch.yaml', 0o644],
    ['/etc/gatewatch/pseudonym.key', 0o400],
  ]);
  await run(cli, 'check');
  expect(cli.printed.err).toBe('');
  expect(cli.printed.code).toBe(0);
});

test('init replaces a file only with --force, and a key never', async () => {
  const cli = createMemoryContext();
  cli.files.set('/etc/gatewatch/gatewatch.yaml', 'mine');
  await expect(createInitCommand(cli.context).parseAsync([], { from: 'user' })).rejects.toThrow(/--force/);
  expect(cli.files.get('/etc/gatewatch/gatewatch.yaml')).toBe('mine');
  await createInitCommand(cli.context).parseAsync(['--force'], { from: 'user' });
  expect(cli.files.get('/etc/gatewatch/gatewatch.yaml')).toContain('version: 1');
  expect([...cli.written.keys()]).toEqual(['/etc/gatewatch/gatewatch.yaml']);
  expect(cli.printed.out).toContain('kept /etc/gatewatch/pseudonym.key');
});
