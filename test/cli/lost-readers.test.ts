import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

function command(...args: string[]): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args]);
}

describe('a command whose readers have gone', () => {
  it('ends quietly without its standard output', async () => {
    const child = command('fields');
    child.stdout.destroy();
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [code] = await once(child, 'close');
    expect({ code, said }).toEqual({ code: 0, said: '' });
  });

  it('goes on with its work without its standard error, to which it has something to say', async () => {
    const child = command('sandbox', '--port', '0', '--history', '1m', '--rate', '1');
    child.stderr.destroy();
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      child.kill('SIGTERM');
    });
    await once(child, 'close');
    expect(said).toContain('http://127.0.0.1:');
  });

  it('ends with the exit code of its mistake, heard or not', async () => {
    const child = command('nonsense');
    child.stdout.destroy();
    child.stderr.destroy();
    expect(await once(child, 'close')).toEqual([1, null]);
  });
});
