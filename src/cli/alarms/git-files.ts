import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { relative } from 'node:path';
import { UserError } from '../../core/errors.ts';

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** More than any folder of alarms: git hands over whole files. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Files of a folder as a revision of git has them (`git:main` → `main`), relative to the folder; none where the revision
 * does not have the folder. What is not committed there is not among them. Throws a `UserError` that says whether the
 * revision, the repository or git itself is missing.
 */
export function filesAtRevision(folder: string, revision: string): readonly TextFile[] {
  if (!/^[\w./~^@{}-]{1,200}$/.test(revision) || revision.startsWith('-')) {
    throw refused(`Expected a branch, tag or commit after git:, got ${revision}`);
  }
  const top = git(folder, 'rev-parse', '--show-toplevel');
  if (!top.ok) throw refused(`Expected ${folder} to be in a git repository, got: ${top.error}`);
  const commit = git(folder, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`);
  if (!commit.ok) {
    throw refused(
      `Expected a branch, tag or commit of this repository after git:, got ${revision}: fetch it, or see \`git branch --all\``,
    );
  }
  const id = commit.text.trim();
  const inside = relative(realpathSync(top.text.trim()), realpathSync(folder)).replaceAll('\\', '/');
  const paths = git(
    folder,
    'ls-tree',
    '-r',
    '-z',
    '--name-only',
    '--full-tree',
    id,
    ...(inside === '' ? [] : [`${inside}/`]),
  );
  const names = paths.text.split('\0').filter((path) => path !== '');
  return names.map((path) => ({
    path: relative(inside, path).replaceAll('\\', '/'),
    text: fileAt(folder, id, path),
  }));
}

function fileAt(folder: string, commit: string, path: string): string {
  const file = git(folder, 'show', `${commit}:${path}`);
  if (file.ok) return file.text;
  throw refused(`Expected git to show ${path} of ${commit}, got: ${file.error}`);
}

function git(folder: string, ...args: readonly string[]) {
  const run = spawnSync('git', ['-C', folder, ...args], { encoding: 'utf8', maxBuffer: MOST_BYTES });
  const error = run.error?.message ?? run.stderr.trim().split('\n')[0] ?? '';
  return { ok: run.error === undefined && run.status === 0, text: run.stdout ?? '', error };
}

function refused(words: string): UserError {
  return new UserError('git_revision', words);
}
