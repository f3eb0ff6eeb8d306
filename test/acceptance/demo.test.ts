import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { createSystemContext } from '../../src/cli/system-context.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const NEVER = new AbortController().signal;

/** Runs `gatewatch demo …` as a user does; the sandbox is a process of its own. */
async function demo(
  ...args: string[]
): Promise<{ readonly code: number | undefined; readonly printed: string }> {
  const printed: string[] = [];
  const code = await demoInto(printed, ...args);
  return { code, printed: printed.join('') };
}

async function demoInto(printed: string[], ...args: string[]): Promise<number | undefined> {
  let code: number | undefined;
  const context = {
    ...createSystemContext(),
    stdout: {
      write: (text: string) => {
        printed.push(text);
      },
    },
    // Where `apply` shows its progress.
    stderr: { write: () => undefined },
    setExitCode: (exit: number) => {
      code = exit;
    },
  };
  const program = createProgram(context, {
    stopSignal: () => NEVER,
    random: () => 0.5,
    version: 'test',
    operator: 'test',
    owner: 'test',
    interpreter: [process.execPath, '--disable-warning=ExperimentalWarning', MAIN],
    setEnv: (name, value) => {
      process.env[name] = value;
    },
  });
  await program.parseAsync(['demo', '--once', ...args], { from: 'user' });
  return code;
}

describe('gatewatch demo --once', () => {
  it('runs a history through, sees an alarm fire and clear in it, and finds everything equal to the truth, faults on', async () => {
    const history = ['--history', '14m', '--rate', '3', '--incident', '10m,3m'];
    const { code, printed } = await demo(...history, '--faults', 'usual');
    expect(printed).toContain('Everything equals the truth.');
    expect(printed).not.toContain('FAIL');
    expect(code).toBe(0);
    expect(printed).toMatch(
      /\$ gatewatch alarms plan[\s\S]*\+ create[\s\S]*\$ gatewatch alarms apply[\s\S]*Applied 4 steps/,
    );
    expect(printed).toMatch(
      /\/p99 +ALARM +P99 latency of orders-api\/prod[\s\S]*told backlog[\s\S]*\/p99 +OK/,
    );
    expect(printed).toContain('ok   alarms: P99 fired in the incident and cleared after it: 3 compared');
  }, 120_000);

  it('promises no traffic before it knows that the options hold', async () => {
    const printed: string[] = [];
    await expect(demoInto(printed, '--history', 'nope')).rejects.toThrow('Expected --history');
    expect(printed.join('')).toBe('');
  });

  it('exits 1 and names the record when one was spoiled on its way into the journal', async () => {
    const spoiled = ['--history', '1m', '--rate', '5', '--sabotage', 'swap-customer'];
    const { code, printed } = await demo(...spoiled, '--faults', 'none');
    expect(code).toBe(1);
    const [, victim = ''] = /Sabotage swap-customer hit record (\S+)/.exec(printed) ?? [];
    expect(victim).not.toBe('');
    expect(printed).toMatch(new RegExp(`FAIL journal: customer and principal[^]*${victim}`));
  }, 120_000);
});
