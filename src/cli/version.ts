import { readFileSync } from 'node:fs';
import { isObject } from '../core/json.ts';

/** Version of the package, from its own package.json: two folders up from here, as source and as compiled. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return isObject(manifest) && typeof manifest.version === 'string' ? manifest.version : 'unknown';
}
