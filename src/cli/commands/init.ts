import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { PSEUDONYM_KEY_FILE, STARTER_CONFIG } from '../../config/starter-config.ts';
import { UserError } from '../../core/errors.ts';
import { DEFAULT_CONFIG_PATH } from '../config-file.ts';
import type { CliContext } from '../context.ts';

const KEY_BYTES = 32;

/** `gatewatch init`: a commented `gatewatch.yaml` and a fresh pseudonym key. */
export function createInitCommand(context: CliContext): Command {
  return new Command('init')
    .description('write a commented gatewatch.yaml and a random pseudonym key')
    .option('-d, --dir <path>', 'folder to write to', '.')
    .option('--force', 'replace gatewatch.yaml if it exists; an existing pseudonym.key is always kept')
    .addHelpText('after', '\nExample:\n  gatewatch init --dir . && gatewatch config check')
    .action((options: { dir: string; force?: true }) => {
      const folder = resolve(context.cwd, options.dir);
      const replace = options.force === true;
      writeConfig(context, join(folder, DEFAULT_CONFIG_PATH), replace);
      writeKey(context, join(folder, PSEUDONYM_KEY_FILE));
      context.stdout.write(
        `Next: set SPLUNK_HEC_URL, SPLUNK_HEC_TOKEN, DT_OTLP_URL and DT_TOKEN, then run gatewatch config check\n`,
      );
    });
}

function writeConfig(context: CliContext, path: string, replace: boolean): void {
  if (!replace && context.fileExists(path)) {
    throw new UserError(
      'init_exists',
      `Expected no ${path} yet, got one; edit it, or replace it with --force`,
    );
  }
  write(context, path, STARTER_CONFIG, { mode: 0o644, replace });
  context.stdout.write(`wrote ${path}\n`);
}

/** A key is never replaced: pseudonyms already delivered could no longer be looked up. */
function writeKey(context: CliContext, path: string): void {
  if (context.fileExists(path)) {
    context.stdout.write(`kept ${path}\n`);
    return;
  }
  const key = Buffer.from(context.randomBytes(KEY_BYTES)).toString('base64url');
  write(context, path, `${key}\n`, { mode: 0o400, replace: false });
  context.stdout.write(`wrote ${path} (readable by you alone; keep it safe)\n`);
}

function write(
  context: CliContext,
  path: string,
  text: string,
  options: { readonly mode: number; readonly replace: boolean },
): void {
  try {
    context.writeFile(path, text, options);
  } catch (cause) {
    const message = `Expected to write ${path}, got ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new UserError('init_write', `${message}; check that the folder exists and is yours`, { cause });
  }
}
