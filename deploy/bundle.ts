import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type OutputChunk, type RolldownOutput, rolldown } from 'rolldown';
import { thirdPartyNotices } from './third-party-notices.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const EXECUTABLE = 0o755;

export interface BundleOrder {
  /** Source file to begin with, from the root of the repository. */
  readonly entry: string;
  /** Where the bundle of it goes, below `outDir`; what is loaded only when it is needed goes to `lazy/` beside it. */
  readonly file: string;
  /** Emptied first. */
  readonly outDir: string;
}

/**
 * Writes what an entry needs of our modules and of `node_modules`, as few files: V8 keeps the text and the records of
 * every module that it loads, and an unbundled worker has thousands. Names and lines stay as they are, so that a stack
 * trace says something without a source map. Throws at the first warning: what could not be resolved would be missing at
 * the first call that needs it.
 */
export async function bundle({ entry, file, outDir }: BundleOrder): Promise<void> {
  const warnings: string[] = [];
  const built = await rolldown({
    cwd: ROOT,
    input: { [file.replace(/\.js$/, '')]: entry },
    platform: 'node',
    // The optional peer is whatever the user has installed.
    external: ['splunk-logging'],
    onLog: (level, { message }) => {
      if (level === 'warn') warnings.push(message);
    },
  });
  const { output } = await built.generate({
    format: 'esm',
    chunkFileNames: 'lazy/[name].js',
    // A file of its own: what is loaded later must not wait for the end of an entry that waits for it.
    codeSplitting: { groups: [{ name: 'own-package', test: /[\\/]src[\\/]cli[\\/]own-package\.ts$/ }] },
    minify: { compress: true, mangle: false, codegen: false },
    comments: { legal: true, annotation: false, jsdoc: false },
  });
  await built.close();
  if (warnings.length > 0) throw new Error(`${entry} cannot be bundled: ${warnings.join('; ')}`);
  write(outDir, output);
}

function write(outDir: string, output: RolldownOutput['output']): void {
  const chunks = output.filter((part): part is OutputChunk => part.type === 'chunk');
  const notices = thirdPartyNotices(chunks.flatMap(({ moduleIds }) => moduleIds));
  rmSync(outDir, { recursive: true, force: true });
  for (const { fileName, code, isEntry } of chunks) {
    const path = join(outDir, fileName);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, inAscii(code));
    if (isEntry) chmodSync(path, EXECUTABLE);
  }
  writeFileSync(join(outDir, 'THIRD-PARTY-NOTICES.txt'), notices);
}

/**
 * The same program with escapes for what is beyond ASCII: one such character anywhere, and V8 keeps the text of the whole
 * file with two bytes a character.
 * @throws {Error} for one behind a backslash (in a regular expression), which an escape would change.
 */
export function inAscii(code: string): string {
  const escaped = /(?<!\\)(?:\\\\)*\\[^\0-\x7f]/u.exec(code);
  if (escaped !== null) {
    throw new Error(
      `Expected no backslash before a character beyond ASCII, got ${escaped[0]} at ${escaped.index}`,
    );
  }
  return code.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
