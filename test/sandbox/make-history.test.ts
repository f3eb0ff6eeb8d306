import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import { noFaults } from '../../src/sandbox/faults.ts';
import { makeHistory } from '../../src/sandbox/make-history.ts';
import { createRehearsalWorld, startRehearsal } from '../../src/sandbox/rehearsal.ts';
import { accessGroup, historyToMs, region } from './small-world.ts';
import { closing, startedSandbox } from './started-sandbox.ts';

const MINUTE_MS = 60_000;

/** A world whose every minute of history takes `minuteTakesMs` of the host's time to make. */
function slowWorld(
  minutes: number,
  minuteTakesMs: number,
  onMinute: (made: number) => void = () => undefined,
) {
  let hostMs = 0;
  const made: number[] = [];
  const world = {
    historyFromMs: 0,
    historyToMs: minutes * MINUTE_MS,
    advanceTo: (nowMs: number) => {
      made.push(nowMs / MINUTE_MS);
      hostMs += minuteTakesMs;
      onMinute(made.length);
    },
  };
  return { world, made, monotonic: () => hostMs };
}

describe('making the history beside the calls', () => {
  it('goes minute by minute and lets others run in between', async () => {
    const { world, made, monotonic } = slowWorld(2.5, 0);
    const seen: number[] = [];
    const making = makeHistory(world, { monotonic, signal: new AbortController().signal });
    for (let turn = 0; turn < 3; turn += 1) {
      seen.push(made.length);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    await making.made;
    expect(seen).toEqual([0, 1, 2]);
    expect(made).toEqual([1, 2, 2.5]);
  });

  it('says that little is left four seconds before the end, at the pace so far', async () => {
    const { world, made, monotonic } = slowWorld(10, 1_000);
    const making = makeHistory(world, { monotonic, signal: new AbortController().signal });
    await making.soon;
    expect(made.at(-1)).toBe(6);
    await making.made;
    expect(made.at(-1)).toBe(10);
  });

  it('ends early when it is told to, and passes on what went wrong', async () => {
    const stop = new AbortController();
    const stopped = slowWorld(10, 0, (minutes) => {
      if (minutes === 4) stop.abort();
    });
    const { monotonic } = stopped;
    await makeHistory(stopped.world, { monotonic, signal: stop.signal }).made;
    expect(stopped.made).toEqual([1, 2, 3, 4]);
    const broken = slowWorld(10, 0, () => {
      throw new Error('no more paper');
    });
    const making = makeHistory(broken.world, { monotonic, signal: new AbortController().signal });
    await expect(making.made).rejects.toThrow('no more paper');
  });
});

describe('a sandbox whose history is still being made', () => {
  it('shows the fleet and its clock at once, and lets those wait who ask for logs, metrics or the truth', async () => {
    let finish: () => void = () => undefined;
    const history = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const sandbox = await startedSandbox({ history });
    const authorization = `AWS4-HMAC-SHA256 Credential=AKIASANDBOX/20260101/${region}/logs/aws4_request`;
    const answered: string[] = [];
    const ask = async (name: string, path: string, init: RequestInit = {}) => {
      const headers = { authorization, ...init.headers };
      const response = await fetch(`${sandbox.url}${path}`, { ...init, headers });
      await response.arrayBuffer();
      answered.push(`${name} ${response.status}`);
    };
    const waiting = [
      ask('logs', '/', {
        method: 'POST',
        headers: { 'x-amz-target': 'Logs_20140328.FilterLogEvents' },
        body: JSON.stringify({ logGroupName: accessGroup }),
      }),
      ask('truth', '/_sandbox/truth'),
    ];
    await ask('clock', '/_sandbox/clock');
    await ask('fleet', '/restapis');
    // What alarms are planned with: which groups there are, not what was written to them.
    await ask('groups', '/', {
      method: 'POST',
      headers: { 'x-amz-target': 'Logs_20140328.DescribeLogGroups' },
      body: '{}',
    });
    expect(answered).toEqual(['clock 200', 'fleet 200', 'groups 200']);
    finish();
    await Promise.all(waiting);
    expect(answered.slice(3).sort()).toEqual(['logs 200', 'truth 200']);
  });

  it('ends up with the same truth as one that was made at once', async () => {
    const settings = {
      seed: 5,
      historyMs: 5 * MINUTE_MS,
      historyToMs,
      ratePerSecond: 4,
      hostClock: { now: () => historyToMs },
    };
    const early = await startRehearsal({
      ...settings,
      faults: noFaults,
      port: 0,
      frozen: true,
      logger: silentLogger,
      early: true,
    });
    closing(early.sandbox);
    const response = await fetch(`${early.sandbox.url}/_sandbox/truth`);
    const atOnce = createRehearsalWorld(settings);
    const rows = [...atOnce.truth(early.clock.now())];
    expect(rows.length).toBeGreaterThan(100);
    expect(await response.text()).toBe(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    await early.history;
    expect(JSON.stringify(early.world.logGroups)).toBe(JSON.stringify(atOnce.logGroups));
  });
});
