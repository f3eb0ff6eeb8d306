import { dirname, resolve } from 'node:path';
import { checkJournalPlace } from '../config/journal-place.ts';
import { type LoadConfigResult, loadConfig } from '../config/load-config.ts';
import { messageOf, UserError } from '../core/errors.ts';
import { formatProblem, type Problem, sortProblems } from '../documents/problem.ts';
import { problemIn } from '../documents/validate.ts';
import type { CliContext } from './context.ts';

export const DEFAULT_CONFIG_PATH = 'gatewatch.yaml';

export type LoadedConfig = Extract<LoadConfigResult, { ok: true }>;

/** Reads and checks a configuration file, the place of its journal included. A missing file is a problem as well. */
export function readConfigFile(context: CliContext, path: string): LoadConfigResult {
  const absolute = resolve(context.cwd, path);
  let text: string;
  try {
    text = context.readFile(absolute);
  } catch (error) {
    return { ok: false, problems: [unreadable(path, error)] };
  }
  const { env } = context;
  const readFile = (file: string) => context.readFile(file);
  const loaded = loadConfig({ path, text, env, readFile, folder: dirname(absolute) });
  return loaded.ok ? withJournalPlace(context, loaded) : loaded;
}

/** For commands that need a configuration to start: throws one `UserError` that holds every problem. */
export function requireConfig(context: CliContext, path: string): LoadedConfig {
  const loaded = readConfigFile(context, path);
  if (loaded.ok) return loaded;
  throw new UserError('config_invalid', loaded.problems.map(formatProblem).join('\n'));
}

function withJournalPlace(context: CliContext, loaded: LoadedConfig): LoadConfigResult {
  const type = context.fileSystemType(loaded.config.journal.path);
  const surroundings = type === undefined ? { env: context.env } : { env: context.env, fileSystemType: type };
  const place = checkJournalPlace(surroundings);
  if (place.fit === 'good') return loaded;
  const problem = problemIn(loaded.document, ['journal', 'path'], {
    severity: place.fit === 'refused' ? 'error' : 'warning',
    expected: 'a disk that SQLite can lock and that survives a restart',
    got: place.got,
    remedy: place.remedy,
  });
  if (place.fit === 'refused') return { ok: false, problems: [problem] };
  return { ...loaded, warnings: sortProblems([...loaded.warnings, problem]) };
}

function unreadable(path: string, error: unknown): Problem {
  return {
    severity: 'error',
    file: path,
    line: 1,
    column: 1,
    path: '',
    expected: 'a readable configuration file',
    got: messageOf(error),
    remedy: 'run `gatewatch init`, or name the file with --config',
  };
}
