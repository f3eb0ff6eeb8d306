import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createConfigCommand } from '../src/cli/commands/config.ts';
import { contextFor, nothingPrinted } from './support/cli-context.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const SCRIPTS = readFileSync(new URL('../package.json', import.meta.url), 'utf8');

/** First block of that language, without its fences. */
function blockIn(text: string, language: string): string {
  const start = text.indexOf(`\`\`\`${language}\n`);
  const end = text.indexOf('\n```', start);
  if (start < 0 || end < 0) throw new Error(`Expected a block of ${language} in README.md, got none`);
  return text.slice(start + language.length + 4, end + 1);
}

/** A folder that holds the configuration and the files it refers to, as the README tells a user to make them. */
function contextWith(config: string) {
  const printed = nothingPrinted();
  const context = contextFor(printed, {
    fileExists: () => true,
    readFile: (path) => (path.endsWith('gatewatch.yaml') ? config : 'a-secret-of-at-least-sixteen-bytes\n'),
  });
  return { context, printed };
}

test('the configuration in the README has ten lines and passes config check', async () => {
  const config = blockIn(README, 'yaml');
  expect(config.trimEnd().split('\n')).toHaveLength(10);
  const cli = contextWith(config);
  await createConfigCommand(cli.context).parseAsync(['check'], { from: 'user' });
  expect(cli.printed.err).toBe('');
  expect(cli.printed.code).toBe(0);
  expect(cli.printed.out).toContain('2 sinks: splunk (splunk_hec), dynatrace (dynatrace_otlp)');
});

test('the README fits a first reading and names only scripts that exist', () => {
  expect(README.split('\n').length).toBeLessThanOrEqual(225);
  const named = new Set([...README.matchAll(/npm run (?:-s )?([a-z:]+)/g)].map(([, script]) => script));
  expect([...named].sort()).toEqual(['check', 'demo', 'gatewatch', 'test:soak']);
  for (const script of named) expect(SCRIPTS).toContain(`"${script}":`);
});
