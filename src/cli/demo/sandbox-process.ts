import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { GatewatchError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';

/** A running `gatewatch sandbox`, in a process of its own: it must not share the worker's memory or time. */
export interface SandboxProcess {
  readonly url: string;
  stop(): Promise<void>;
}

export interface SandboxProcessOptions {
  /** How this program was started: the interpreter with its flags, and the script. */
  readonly interpreter: readonly [string, ...string[]];
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const STOP_TIMEOUT_MS = 5_000;

/** Starts it and waits for its ready line. Throws what it said when it ends before. */
export async function startSandboxProcess(options: SandboxProcessOptions): Promise<SandboxProcess> {
  const [command, ...flags] = options.interpreter;
  const child = spawn(command, [...flags, 'sandbox', '--json', ...options.args], {
    cwd: options.cwd,
    env: { ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text));
  const url = await readyUrl(child, said);
  return { url, stop: () => stopChild(child) };
}

function readyUrl(child: ChildProcess, said: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const ended = () =>
      reject(
        new GatewatchError('sandbox_ended', `The sandbox ended before it was ready: ${said.join('').trim()}`),
      );
    child.once('error', reject);
    child.once('exit', ended);
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).once('line', (line) => {
      child.off('exit', ended);
      const ready: unknown = JSON.parse(line);
      if (isObject(ready) && typeof ready.url === 'string') resolve(ready.url);
      else
        reject(
          new GatewatchError(
            'sandbox_ready',
            `Expected a ready line with a url from the sandbox, got ${line}`,
          ),
        );
    });
  });
}

function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    child.once('exit', () => {
      clearTimeout(force);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
