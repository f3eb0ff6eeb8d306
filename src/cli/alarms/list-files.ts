import { readdirSync } from 'node:fs';
import { relative, sep } from 'node:path';

/** Every file below a folder, relative to it, with `/` between folders. Throws when the folder cannot be read. */
export function listFilesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, `${entry.parentPath}${sep}${entry.name}`).split(sep).join('/'))
    .sort();
}
