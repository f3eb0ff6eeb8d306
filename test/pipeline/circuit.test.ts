import { beforeEach, describe, expect, it } from 'vitest';
import { Circuit, Circuits } from '../../src/pipeline/circuit.ts';
import type { Ticket } from '../../src/pipeline/gate.ts';
import { FakeClock, quiet } from '../support/fake-clock.ts';

const NEVER = new AbortController().signal;
const SETTINGS = { firstRetryMs: 1_000, maxRetryMs: 30_000 };

let clock: FakeClock;
let circuit: Circuit;
beforeEach(() => {
  clock = new FakeClock();
  circuit = new Circuit({ clock, random: () => 0, settings: SETTINGS });
});

/** Asks for leave and notes when it was given. */
function ask(signal = NEVER): { ticket: Ticket | undefined; refused: unknown } {
  const asked: { ticket: Ticket | undefined; refused: unknown } = { ticket: undefined, refused: undefined };
  circuit.turn(signal).then(
    (ticket) => {
      asked.ticket = ticket;
    },
    (reason: unknown) => {
      asked.refused = reason;
    },
  );
  return asked;
}

async function given(asked: ReturnType<typeof ask>): Promise<Ticket> {
  await quiet();
  if (asked.ticket === undefined) throw new Error('Expected leave to send, got none');
  return asked.ticket;
}

/** Fails twice in a row, as from a destination that has just gone down. */
async function open(): Promise<void> {
  for (let n = 0; n < 2; n += 1) circuit.failed(await given(ask()));
  expect(circuit.isOpen).toBe(true);
}

describe('a circuit', () => {
  it('lets everybody through while the destination is well, and after one refusal', async () => {
    const [first, second, third] = [ask(), ask(), ask()];
    circuit.failed(await given(first));
    circuit.succeeded(await given(second));
    circuit.failed(await given(third));
    expect(circuit.isOpen).toBe(false);
    expect((await given(ask())).isProbe).toBe(false);
  });

  it('lets one batch probe a destination that is down, ever more slowly, at last once per interval', async () => {
    await open();
    const probesAt: number[] = [];
    const probe = async (): Promise<void> => {
      const ticket = await circuit.turn(NEVER);
      probesAt.push(clock.monotonic());
      circuit.failed(ticket);
      return probe();
    };
    for (let n = 0; n < 3; n += 1) void probe();
    await clock.advance(300_000);
    const gaps = probesAt.map((ms, n) => ms - (probesAt[n - 1] ?? 0));
    expect(gaps.slice(0, 5)).toEqual([1_000, 2_000, 4_000, 8_000, 30_000]);
    expect(gaps.slice(4).every((ms) => ms >= 30_000)).toBe(true);
  });

  it('waits as long as the destination asked for', async () => {
    circuit.failed(await given(ask()));
    circuit.failed(await given(ask()), 90_000);
    const asked = ask();
    await clock.advance(89_999);
    expect(asked.ticket).toBeUndefined();
    await clock.advance(1);
    expect(asked.ticket?.isProbe).toBe(true);
  });

  it('lets all that wait go on at once when the probe came back well', async () => {
    await open();
    const waiting = [ask(), ask(), ask()];
    await clock.advance(1_000);
    const [probe, ...more] = waiting.filter(({ ticket }) => ticket !== undefined);
    expect(more).toEqual([]);
    circuit.succeeded(await given(probe ?? ask()));
    await quiet();
    expect(waiting.map(({ ticket }) => ticket !== undefined)).toEqual([true, true, true]);
    expect(circuit.failures).toBe(0);
  });

  it('learns nothing from what was sent before it opened', async () => {
    const [early, late] = [ask(), ask()];
    const before = [await given(early), await given(late)];
    await open();
    circuit.succeeded(before[0] ?? { isProbe: false, shutting: 0 });
    expect(circuit.isOpen).toBe(true);
    const asked = ask();
    await clock.advance(500);
    circuit.failed(before[1] ?? { isProbe: false, shutting: 0 });
    await clock.advance(500);
    expect(asked.ticket?.isProbe).toBe(true);
  });

  it('gives the probe to the next one when its batch was aborted, or never asked the destination', async () => {
    await open();
    const abort = new AbortController();
    const aborted = ask(abort.signal);
    const asked = ask();
    await quiet();
    abort.abort(new Error('stopping'));
    await quiet();
    expect(aborted.refused).toEqual(new Error('stopping'));
    await clock.advance(1_000);
    circuit.giveBack(await given(asked));
    expect((await given(ask())).isProbe).toBe(true);
  });

  it('is one for each endpoint of a sink, and another for those who give way there', () => {
    const circuits = new Circuits({ clock, random: () => 0, settings: SETTINGS });
    const logs = circuits.of('dynatrace', '/v1/logs', 'first');
    expect(circuits.of('dynatrace', '/v1/logs', 'first')).toBe(logs);
    expect(circuits.of('dynatrace', '/v1/metrics', 'first')).not.toBe(logs);
    expect(circuits.of('dynatrace', '/v1/logs', 'giving_way')).not.toBe(logs);
    expect(circuits.of('splunk', '', 'first')).not.toBe(circuits.of('other', '', 'first'));
  });
});
