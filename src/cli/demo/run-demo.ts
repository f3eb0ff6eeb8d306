import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AlarmsHost } from '../alarms/alarm-session.ts';
import type { CliContext } from '../context.ts';
import { demoLive } from './demo-live.ts';
import { demoOnce } from './demo-once.ts';
import type { DemoHost, DemoOptions } from './demo-stage.ts';
import { SandboxControl } from './sandbox-control.ts';
import { type SandboxProcess, startSandboxProcess } from './sandbox-process.ts';

/** Sandbox and worker side by side. Returns the exit code. */
export async function runDemo(
  context: CliContext,
  host: DemoHost,
  connectAlarms: Pick<AlarmsHost, 'connect' | 'connectAlarms' | 'listFiles'>,
  options: DemoOptions,
  signal: AbortSignal,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'gatewatch-demo-'));
  let sandbox: SandboxProcess | undefined;
  try {
    const startedMs = context.now();
    sandbox = await startSandboxProcess(sandboxOptions(context, host, options, folder));
    // It is ready before the traffic is made, and has checked by then what was asked for.
    context.stdout.write(`Making ${options.history} of traffic at ${options.rate} requests a second …\n`);
    const { url } = sandbox;
    settleAws(host, url);
    if (options.keep) context.stdout.write(keptText(folder, url));
    // A stopped demo ends what its commands do; nobody is asked, because what they do was asked for.
    const alarms = { ...connectAlarms, signal, confirm: async () => true };
    const control = new SandboxControl(url, signal);
    const stage = { context, host, alarms, options, folder, url, control, startedMs, signal };
    return options.once ? await demoOnce(stage) : await demoLive(stage);
  } finally {
    await sandbox?.stop();
    if (options.keep) context.stdout.write(`Kept ${folder}\n`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

/** Live, so that an alarm made now fires at its first evaluation and clears while somebody watches. */
const LIVE_INCIDENT = '10m,11m';

function sandboxOptions(context: CliContext, host: DemoHost, options: DemoOptions, folder: string) {
  const { seed, history, rate, faults, once } = options;
  const incident = options.incident ?? (once ? undefined : LIVE_INCIDENT);
  const args = [
    ...['--port', '0', '--seed', seed, '--history', history, '--rate', rate, '--faults', faults],
    ...['--write-config', folder],
    ...(incident === undefined ? [] : ['--incident', incident]),
    ...(once ? ['--frozen'] : []),
  ];
  return { interpreter: host.interpreter, args, cwd: context.cwd, env: context.env };
}

/** So that other commands can be tried on the demo while it runs. */
function keptText(folder: string, url: string): string {
  const env = Object.entries(awsEnv(url)).map(([name, value]) => `${name}=${value}`);
  return `Keeping ${folder}. In another shell:\n  gatewatch ledger --config ${join(folder, 'gatewatch.yaml')}\nCommands that ask AWS need: export ${env.join(' ')}\n\n`;
}

function awsEnv(url: string): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'AKIAGATEWATCHDEMO000',
    AWS_SECRET_ACCESS_KEY: 'rehearsal-only',
  };
}

function settleAws(host: DemoHost, url: string): void {
  for (const [name, value] of Object.entries(awsEnv(url))) host.setEnv(name, value);
}
