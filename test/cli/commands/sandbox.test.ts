import { APIGatewayClient, GetRestApisCommand } from '@aws-sdk/client-api-gateway';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { sandboxCommand } from '../../../src/cli/commands/sandbox.ts';
import { contextFor, filesFrom, nothingPrinted } from '../../support/cli-context.ts';

const NOW_MS = Date.UTC(2026, 10, 1, 12, 0, 30);

function createMemoryContext() {
  const files = new Map<string, string>();
  const printed = nothingPrinted();
  const context = contextFor(printed, {
    cwd: '/home/sre',
    now: () => NOW_MS,
    ...filesFrom(files),
    writeFile: (path, text) => files.set(path, text),
    randomBytes: (count) => new Uint8Array(count).fill(7),
  });
  return { context, files, out: () => printed.out };
}

const END = Date.UTC(2026, 10, 1, 12);
const SMALL = ['--history', '2m', '--rate', '2', '--faults', 'none', '--port', '0'];

async function run(
  args: readonly string[],
  whileReady: (out: string) => Promise<void> = async () => undefined,
) {
  const cli = createMemoryContext();
  const command = sandboxCommand(cli.context, () => whileReady(cli.out())).exitOverride();
  await command.parseAsync([...SMALL, ...args], { from: 'user' });
  return cli;
}

describe('gatewatch sandbox', () => {
  it('says in one JSON line where it is ready, serves the fleet, and is gone when stopped', async () => {
    let url = '';
    const { out } = await run(['--json', '--frozen'], async (line) => {
      const ready: unknown = JSON.parse(line);
      expect(ready).toMatchObject({ ready: true, frozen: true, historyToMs: Date.UTC(2026, 10, 1, 12) });
      url = /"url":"([^"]+)"/.exec(line)?.[1] ?? '';
      const client = new APIGatewayClient({
        endpoint: url,
        region: 'eu-west-1',
        credentials: { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' },
      });
      const { items } = await client.send(new GetRestApisCommand({}));
      expect(items?.length).toBeGreaterThan(2);
      client.destroy();
    });
    expect(out().split('\n')).toHaveLength(2);
    await expect(fetch(url)).rejects.toThrow();
  });

  it('tells people how to point an SDK at it', async () => {
    const { out } = await run([]);
    expect(out()).toMatch(
      /^Sandbox ready at http:\/\/127\.0\.0\.1:\d+ \(seed 1, history 2m to 2026-11-01T12:00:00\.000Z/,
    );
    expect(out()).toMatch(
      /export AWS_ENDPOINT_URL=http\S+ AWS_REGION=\S+ AWS_ACCESS_KEY_ID=\S+ AWS_SECRET_ACCESS_KEY=/,
    );
  });

  it('writes a configuration that fits it, and keeps a key that exists', async () => {
    const cli = createMemoryContext();
    cli.files.set('/home/sre/here/pseudonym.key', 'old');
    const command = sandboxCommand(cli.context, async () => undefined);
    await command.parseAsync([...SMALL, '--write-config', 'here'], { from: 'user' });
    const config: unknown = parse(cli.files.get('/home/sre/here/gatewatch.yaml') ?? '');
    expect(config).toMatchObject({ version: 1, sinks: { splunk: { url: expect.stringMatching(/^http:/) } } });
    expect(cli.files.get('/home/sre/here/pseudonym.key')).toBe('old');
    expect([...cli.files.keys()].map((path) => path.split('/').at(-1)).sort()).toEqual([
      'dynatrace.token',
      'gatewatch.yaml',
      'hec.token',
      'pseudonym.key',
    ]);
  });

  it('prints the same truth twice for the same seed and end, and ends', async () => {
    const args = ['--truth', '--until', '2026-11-01T10:00:00Z'];
    const first = await run(args);
    const second = await run(args);
    expect(second.out()).toBe(first.out());
    const rows = first
      .out()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).type);
    expect(new Set(rows)).toContain('request');
    expect((await run([...args, '--seed', '2'])).out()).not.toBe(first.out());
  });

  it.each([
    [['--history', 'soon'], /--history to be a duration.*`soon`/],
    [['--rate', '0'], /--rate.*`0`/],
    [['--port', '70000'], /--port.*`70000`/],
    [['--seed', '1.5'], /--seed.*`1.5`/],
    [['--until', 'now'], /--until.*`now`/],
    [['--faults', 'typo'], /--faults.*`typo`/],
  ])('says what %s should have been', async (args, message) => {
    await expect(run(args)).rejects.toThrow(message);
  });

  it.each([
    ['90s,30s', [{ fromMs: END - 90_000, toMs: END - 60_000 }]],
    ['none', []],
  ])('makes one stage slow when it is told to: %s', async (when, expected) => {
    await run(['--json', '--frozen', '--incident', when], async (line) => {
      const [, url = ''] = /"url":"([^"]+)"/.exec(line) ?? [];
      const answer: unknown = await (await fetch(`${url}/_sandbox/incident`)).json();
      expect(answer).toMatchObject({ incidents: expected });
    });
  });

  it('asks for two durations where one is given', async () => {
    await expect(run(['--incident', '10m'])).rejects.toThrow('Expected --incident to be two durations');
  });

  it('shows every fault and an example in its help', () => {
    let help = '';
    sandboxCommand(createMemoryContext().context)
      .configureOutput({ writeOut: (text) => (help += text) })
      .outputHelp();
    expect(help).toContain('near-capacity');
    expect(help).toContain('Example:');
  });
});
