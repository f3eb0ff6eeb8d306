import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Architecture, violationsOf } from './support/architecture-rules.ts';
import { factsOf, factsUnder } from './support/source-facts.ts';

/** The picture of the architecture: imports run downhill, siblings of one rank do not know each other. */
const RANKS: Readonly<Record<number, readonly string[]>> = {
  9: ['cli'],
  8: ['config', 'sandbox'],
  7: ['scheduler', 'web'],
  6: ['pipeline'],
  5: ['sources', 'correlate', 'sinks', 'alarms', 'dashboards', 'audit'],
  4: ['inventory'],
  3: ['aws', 'http', 'store'],
  2: ['telemetry'],
  1: ['catalog', 'documents', 'redact', 'evaluate', 'plan'],
  0: ['model', 'core'],
};

const ARCHITECTURE: Architecture = {
  ranks: Object.fromEntries(
    Object.entries(RANKS).flatMap(([rank, folders]) => folders.map((folder) => [folder, Number(rank)])),
  ),
  // The stand-ins must not share a line with the code they are there to check.
  importsOnly: { sandbox: ['model', 'core', 'http', 'evaluate'] },
  importedOnlyBy: { config: 'cli' },
  // The outside world is reached through one folder each.
  packages: {
    '@aws-sdk/': ['aws'],
    'node:sqlite': ['store'],
    '@opentelemetry/sdk-node': ['telemetry'],
    pino: ['telemetry'],
    commander: ['cli'],
    'node:child_process': ['cli'],
  },
  ambientFolder: 'cli',
  maxLines: 400,
  exceptions: {
    // `createSystemClock`, which only `cli` calls, and the steered clock that rehearsals run on.
    ambient: { 'core/clock.ts': ['Date.now', 'performance.now'] },
    // Our own rows, read back after a check of their kind.
    escapes: { 'correlate/state-rows.ts': ['cast'] },
    // The optional peer: its name must not be resolved before it is wanted.
    computedImports: ['sinks/splunk/splunk-logging-transport.ts'],
    lines: {},
  },
};

describe('the architecture', () => {
  it('holds in every file under src', () => {
    const files = factsUnder(fileURLToPath(new URL('../src', import.meta.url)));
    expect(files.length).toBeGreaterThan(200);
    expect(violationsOf(files, ARCHITECTURE)).toEqual([]);
  });
});

describe('the check of the architecture', () => {
  const NONE = { ambient: {}, escapes: {}, computedImports: [], lines: {} };

  /** Violations of a few planted files, without the exceptions that are ours. */
  function check(files: Readonly<Record<string, string>>, rules: Partial<Architecture> = {}): string[] {
    const facts = Object.entries(files).map(([path, text]) => factsOf(path, text));
    return violationsOf(facts, { ...ARCHITECTURE, exceptions: NONE, ...rules });
  }

  it('lets imports from the own folder and from lower ranks through', () => {
    const text =
      "import { a } from './b.ts';\nimport type { C } from '../core/clock.ts';\nimport { z } from 'zod';";
    expect(check({ 'pipeline/a.ts': text })).toEqual([]);
  });

  it.each([
    ['a value', "import { a } from '../pipeline/ingest.ts';"],
    ['a type', "import type { A } from '../pipeline/ingest.ts';"],
    ['one type among values', "import { type A, b } from '../pipeline/ingest.ts';"],
    ['a type in an expression', "export type A = import('../pipeline/ingest.ts').A;"],
    ['a re-export', "export { a } from '../pipeline/ingest.ts';"],
    ['a re-export of everything', "export * from '../pipeline/ingest.ts';"],
    ['a dynamic import', "export const a = () => import('../pipeline/ingest.ts');"],
    ['a side effect', "import '../pipeline/ingest.ts';"],
  ])('refuses %s imported uphill', (_what, text) => {
    expect(check({ 'store/a.ts': text })).toEqual([
      'store/a.ts:1: store (rank 3) imports uphill from pipeline (6)',
    ]);
  });

  it('refuses a sibling of the same rank', () => {
    expect(check({ 'sinks/splunk/a.ts': "import { a } from '../../sources/b.ts';" })).toEqual([
      'sinks/splunk/a.ts:1: sinks and sources are siblings of rank 5',
    ]);
    expect(check({ 'core/a.ts': "import { a } from '../model/b.ts';" })).toHaveLength(1);
  });

  it('refuses the sandbox what the product is made of', () => {
    expect(check({ 'sandbox/a.ts': "import { a } from '../catalog/metrics.ts';" })).toEqual([
      'sandbox/a.ts:1: sandbox imports only model, core, http, evaluate, got catalog',
    ]);
  });

  it('refuses config to all but the command line', () => {
    const text = "import type { A } from '../config/gatewatch-config.ts';";
    expect(check({ 'cli/a.ts': text })).toEqual([]);
    expect(check({ 'scheduler/a.ts': text })).toContain(
      'scheduler/a.ts:1: only cli imports config, got scheduler',
    );
  });

  it('refuses a folder that has no rank, and files beside the folders', () => {
    expect(check({ 'utils/a.ts': '', 'main.ts': '' })).toEqual([
      'utils/a.ts: expected a folder of the rank table, got utils',
      'main.ts: expected a folder of the rank table, got src itself',
    ]);
  });

  it('refuses an import out of src, without an extension, or of a name put together as it runs', () => {
    expect(check({ 'core/a.ts': "import { a } from '../../test/a.ts';" })).toHaveLength(1);
    expect(check({ 'core/a.ts': "import { a } from './b.js';" })).toHaveLength(1);
    expect(check({ 'core/a.ts': 'export const a = (name: string) => import(name);' })).toHaveLength(1);
  });

  it('refuses the AWS SDK outside the folder that narrows it', () => {
    expect(check({ 'sources/a.ts': "import type { A } from '@aws-sdk/client-cloudwatch';" })).toEqual([
      'sources/a.ts:1: only aws imports @aws-sdk/, got sources',
    ]);
  });

  it.each([
    ['process.env', 'export const a = process.env.HOME;'],
    ['process.argv', 'export const a = process.argv[2];'],
    ['process.exit', 'export const a = () => process.exit(1);'],
    ['Date.now', 'export const a = () => Date.now();'],
    ['new Date()', 'export const a = () => new Date();'],
    ['Math.random', 'export const a = Math.random;'],
    ['performance.now', 'export const a = () => performance.now();'],
    ['node:crypto randomUUID', "import { randomUUID as a } from 'node:crypto';"],
    ['node:process env', "import { env } from 'node:process';"],
  ])('refuses %s outside the command line', (what, text) => {
    expect(check({ 'sinks/a.ts': text })).toEqual([`sinks/a.ts:1: only cli touches ${what}`]);
    expect(check({ 'cli/a.ts': text })).toEqual([]);
  });

  it.each([
    ['any', 'export let a: any;'],
    ['any', 'export const a = (list: readonly any[]) => list;'],
    ['cast', 'export const a = (value: unknown) => value as string;'],
    ['non-null !', 'export const a = (list: string[]) => list[0]!;'],
    ['@ts-ignore', '// @ts-ignore\nexport const a: string = 1;'],
    ['@ts-expect-error', '/* @ts-expect-error */ export const a: string = 1;'],
  ])('refuses %s as a way past the type checker', (what, text) => {
    expect(check({ 'sinks/a.ts': text })).toEqual([`sinks/a.ts:1: gets past the type checker by ${what}`]);
  });

  it('takes no word in a comment or a text for code', () => {
    const text = '/** any Date.now() process.env */\nexport const a = \'import("../cli/main.ts") as any\';\n';
    expect(check({ 'sinks/a.ts': `${text}export const b = ['x'] as const;` })).toEqual([]);
  });

  it('refuses barrels and files that grew too long', () => {
    expect(check({ 'sinks/splunk/index.ts': '' })).toHaveLength(1);
    expect(check({ 'sinks/a.ts': '//\n'.repeat(400) })).toEqual([]);
    expect(check({ 'sinks/a.ts': '//\n'.repeat(401) })).toEqual([
      'sinks/a.ts: expected at most 400 lines, got 401',
    ]);
  });

  it('finds import cycles between files, of types as well', () => {
    const files = {
      'core/a.ts': "import type { B } from './b.ts';",
      'core/b.ts': "import { c } from './c.ts';",
      'core/c.ts': "import { a } from './a.ts';",
    };
    expect(check(files)).toEqual(['import cycle: core/a.ts → core/b.ts → core/c.ts → core/a.ts']);
  });

  it('refuses an exception that nothing needs any more', () => {
    const exceptions = { ...NONE, lines: { 'core/a.ts': 900 }, escapes: { 'core/a.ts': ['any'] } };
    expect(check({ 'core/a.ts': '' }, { exceptions })).toEqual([
      'core/a.ts: needs no exception for any',
      'core/a.ts: needs no exception for its length',
    ]);
  });
});
