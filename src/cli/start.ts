import { hostname, userInfo } from 'node:os';
import { CommanderError } from 'commander';
import { GatewatchError, UserError } from '../core/errors.ts';
import { ownPackage } from './own-package.ts';
import { createProgram } from './program.ts';
import { createSystemContext } from './system-context.ts';
import { keepHeapSmall } from './worker/heap-size.ts';

/** Ends at the first SIGINT or SIGTERM in good order; whoever asks twice wants it now. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(130);
      stop.abort(new UserError('stopped', `Stopped by ${name}`));
    });
  }
  return stop.signal;
}

/** Whoever reads our output may have seen enough (`gatewatch … | head`): that ends us quietly. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
}

/** A container may run under a number that has no name. */
function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/**
 * Whoever reads our errors may go before us, and `2>&1 | head` takes both. What we would have said is lost then; what we
 * do and how we end stays as it is: a worker goes on, a command ends with its own exit code.
 */
function goOnUnheard(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** Runs the command of the arguments and sets the exit code. */
export async function start(): Promise<void> {
  process.stdout.on('error', endWithReader);
  process.stderr.on('error', goOnUnheard);
  keepHeapSmall();
  const context = createSystemContext();
  let signal: AbortSignal | undefined;
  const program = createProgram(context, {
    stopSignal: () => {
      signal ??= stopSignal();
      return signal;
    },
    random: Math.random,
    version: ownPackage().version,
    owner: `${hostname()}/${process.pid}`,
    operator: operatorName(),
    interpreter: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
    setEnv: (name, value) => {
      process.env[name] = value;
    },
  });
  try {
    await program.exitOverride().parseAsync(process.argv);
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** A mistake of the user is a sentence, a bug a stack. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode;
  if (error instanceof UserError || error instanceof GatewatchError) {
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 70;
}
