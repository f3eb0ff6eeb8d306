import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../deploy/bundle.ts';
import { LAUNCH_FLAGS } from '../bench/compiled.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Ended {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command as the package ships it, in a folder from which no `node_modules` can be reached. */
export class BundledCommand {
  readonly folder = mkdtempSync(join(tmpdir(), 'gatewatch-bundle-'));

  static async build(): Promise<BundledCommand> {
    const command = new BundledCommand();
    for (const name of ['package.json', 'alarms']) {
      cpSync(join(ROOT, name), join(command.folder, name), { recursive: true });
    }
    const outDir = join(command.folder, 'dist');
    await bundle({ entry: 'src/cli/main.ts', file: 'cli/main.js', outDir });
    return command;
  }

  /** Runs to the end, with these variables and `PATH` alone. */
  run(
    args: readonly string[],
    options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ): Promise<Ended> {
    const { cwd = this.folder, env = {} } = options;
    const main = join(this.folder, 'dist/cli/main.js');
    const run = [...LAUNCH_FLAGS, '--disable-warning=ExperimentalWarning', main, ...args];
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        run,
        { cwd, env: { PATH: process.env.PATH, ...env } },
        (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? null), stdout, stderr }),
      );
    });
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
