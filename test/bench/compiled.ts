import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../deploy/bundle.ts';

const BUILD = fileURLToPath(new URL('../../.bench-build', import.meta.url));

/** How `deploy/` starts the worker; a test holds the two together. */
export const LAUNCH_FLAGS: readonly string[] = ['--max-semi-space-size=8'];
export const LAUNCH_ENVIRONMENT: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_ARENA_MAX: '1',
};

/**
 * Bundles an entry, given from the root of the repository, as `npm run build` bundles the command: what is measured is
 * what the package ships, and the bare loop goes the same way. Returns the path of what to start.
 */
export async function compiled(entry: string): Promise<string> {
  const name = basename(entry, '.ts');
  const outDir = join(BUILD, name);
  await bundle({ entry, file: `${name}.js`, outDir });
  return join(outDir, `${name}.js`);
}
