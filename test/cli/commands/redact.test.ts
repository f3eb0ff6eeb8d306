import { expect, test } from 'vitest';
import { createRedactCommand } from '../../../src/cli/commands/redact.ts';
import type { CliContext } from '../../../src/cli/context.ts';
import { UserError } from '../../../src/core/errors.ts';

async function redact(files: Readonly<Record<string, string>>, ...args: string[]): Promise<string> {
  const out: string[] = [];
  const context: CliContext = {
    env: {},
    cwd: '/here',
    stdout: { write: (text) => out.push(text) },
    stderr: { write: () => undefined },
    now: () => 0,
    fileExists: () => false,
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
      return text;
    },
    writeFile: () => undefined,
    fileSystemType: () => undefined,
    randomBytes: (count) => new Uint8Array(count),
    setExitCode: () => undefined,
  };
  await createRedactCommand(context).parseAsync(args, { from: 'user' });
  return out.join('');
}

test('redact reads standard input where the file is -', async () => {
  expect(await redact({ '/dev/stdin': 'card 4111 1111 1111 1111\n' }, '-')).toBe('card [redacted:pan]\n');
});

test('redact --explain names the rule and the place, never the secret', async () => {
  const text = await redact({ '/here/a.log': 'one\ncard 4111 1111 1111 1111\n' }, '--explain', 'a.log');
  expect(text).toContain('1: unchanged');
  expect(text).toContain('pan: characters 6 to 24 became [redacted:pan]');
  expect(text).not.toContain('4111');
});

test('redact says what is wrong with a file it cannot read', async () => {
  await expect(redact({}, 'gone.log')).rejects.toThrow(UserError);
  await expect(redact({}, 'gone.log')).rejects.toThrow(
    /Expected to read gone\.log, got ENOENT.*check its name/,
  );
});
