import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isObject } from '../core/json.ts';

export interface OwnPackage {
  /** Folder of its package.json; what is shipped beside the program lies in it. */
  readonly root: string;
  readonly version: string;
  /** The Node it runs on, `engines.node`, such as `>=24.15.0`. */
  readonly node: string;
}

/**
 * Our own package, found from below: how deep this file lies differs between the source and a bundle of it.
 * @throws {Error} when neither `from` nor a folder above it has a package.json of ours.
 */
export function ownPackage(from = dirname(fileURLToPath(import.meta.url))): OwnPackage {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = packageIn(folder);
    if (found !== undefined) return found;
    if (folder === dirname(folder)) break;
  }
  throw new Error(
    `Expected the package.json of gatewatch in ${from} or a folder above it, found none: install it again`,
  );
}

function packageIn(root: string): OwnPackage | undefined {
  const path = join(root, 'package.json');
  const manifest: unknown = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
  if (!isObject(manifest) || manifest.name !== 'gatewatch') return undefined;
  const { version, engines } = manifest;
  return {
    root,
    version: typeof version === 'string' ? version : 'unknown',
    node: isObject(engines) && typeof engines.node === 'string' ? engines.node : '>=0',
  };
}
