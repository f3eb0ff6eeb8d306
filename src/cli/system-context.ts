import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { CliContext } from './context.ts';

/** The real outside: this process, this file system, this clock. */
export function createSystemContext(): CliContext {
  return {
    env: process.env,
    cwd: process.cwd(),
    stdout: process.stdout,
    stderr: process.stderr,
    now: () => Date.now(),
    readFile: (path) => readFileSync(path, 'utf8'),
    fileExists: (path) => existsSync(path),
    writeFile: (path, text, { mode, replace }) => {
      mkdirSync(dirname(path), { recursive: true });
      if (replace) rmSync(path, { force: true });
      writeFileSync(path, text, { mode, flag: 'wx' });
    },
    fileSystemType: readFileSystemType,
    randomBytes: (count) => randomBytes(count),
    setExitCode: (code) => {
      process.exitCode = code;
    },
  };
}

/** Best effort: a folder that may not be asked (no permission, a platform without `statfs`) has no known type. */
function readFileSystemType(path: string): number | undefined {
  let folder = path;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  try {
    return statfsSync(folder).type;
  } catch {
    return undefined;
  }
}
