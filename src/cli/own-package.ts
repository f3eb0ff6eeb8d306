import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isObject } from '../core/json.ts';

export interface OwnPackage {
  /** Folder of its package.json; what is shipped beside the program lies in it. */
  readonly root: string;
  readonly version: string;
}

/**
 * Our own package, found from below: how deep this file lies differs between the source and a bundle of it.
 * @throws {Error} when no folder above has a package.json of ours.
 */
export function ownPackage(from = import.meta.dirname): OwnPackage {
  const path = join(from, 'package.json');
  const manifest: unknown = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
  if (isObject(manifest) && manifest.name === 'gatewatch') {
    return { root: from, version: typeof manifest.version === 'string' ? manifest.version : 'unknown' };
  }
  const above = dirname(from);
  if (above === from) {
    throw new Error(
      `Expected the package.json of gatewatch above ${import.meta.dirname}, found none: install it again`,
    );
  }
  return ownPackage(above);
}
