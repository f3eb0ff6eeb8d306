import { execFileSync } from 'node:child_process';
import { relative } from 'node:path';
import { messageOf, UserError } from '../../core/errors.ts';

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** YAML files of a folder as a revision of git has them (`git:main` → `main`). Throws a `UserError` that says why not. */
export function filesAtRevision(folder: string, revision: string): readonly TextFile[] {
  if (!/^[\w./~^@-]{1,200}$/.test(revision) || revision.startsWith('-')) {
    throw new UserError('git_revision', `Expected a branch, tag or commit after git:, got ${revision}`);
  }
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    const inside = relative(git('rev-parse', '--show-toplevel').trim(), folder);
    const names = git('ls-tree', '-r', '--name-only', '--full-tree', revision, '--', `${inside}/`);
    const paths = names.split('\n').filter((path) => /\.ya?ml$/.test(path));
    return paths.map((path) => ({ path: relative(inside, path), text: git('show', `${revision}:${path}`) }));
  } catch (error) {
    throw new UserError(
      'git_revision',
      `Expected git to have ${folder} at ${revision}: ${messageOf(error).split('\n')[0]}`,
      { cause: error },
    );
  }
}
