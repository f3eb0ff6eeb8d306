import { expect, test } from 'vitest';
import { createRedactCommand } from '../../../src/cli/commands/redact.ts';
import { UserError } from '../../../src/core/errors.ts';
import { contextFor, filesFrom, nothingPrinted } from '../../support/cli-context.ts';

async function redact(files: Readonly<Record<string, string>>, ...args: string[]): Promise<string> {
  const printed = nothingPrinted();
  const { readFile } = filesFrom(new Map(Object.entries(files)));
  const context = contextFor(printed, { cwd: '/here', readFile });
  await createRedactCommand(context).parseAsync(args, { from: 'user' });
  return printed.out;
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
