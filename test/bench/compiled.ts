import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILD = join(ROOT, '.bench-build');

/** How `deploy/` starts the worker; a test holds the two together. */
export const LAUNCH_FLAGS: readonly string[] = ['--max-semi-space-size=8'];
export const LAUNCH_ENVIRONMENT: Readonly<Record<string, string>> = { MALLOC_MMAP_THRESHOLD_: '131072' };

/**
 * Compiles product and benchmark. What is measured is compiled code, as the package ships it: stripping types at the
 * start takes some 20 MB that no user pays for. Returns where the compiled form of a file of this folder lies.
 */
export function compile(): (file: string) => URL {
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
  execFileSync(tsc, ['-p', join(ROOT, 'test/bench/tsconfig.json')], { stdio: ['ignore', 2, 2] });
  copyFileSync(join(ROOT, 'package.json'), join(BUILD, 'package.json'));
  return (file) => pathToFileURL(join(BUILD, 'test/bench', file.replace(/\.ts$/, '.js')));
}
