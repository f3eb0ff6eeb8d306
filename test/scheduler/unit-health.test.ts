import { beforeEach, describe, expect, it } from 'vitest';
import { FencedError, HeldError, IncompleteReadError } from '../../src/core/errors.ts';
import { UnitHealth } from '../../src/scheduler/unit-health.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RecordingLogger, RecordingMeter } from '../support/recorders.ts';

const UNIT = 'logs:111122223333:eu-west-1:/apigw/orders';
const GO = new AbortController().signal;

let clock: FakeClock;
let logger: RecordingLogger;
let health: UnitHealth;
beforeEach(() => {
  clock = new FakeClock();
  logger = new RecordingLogger();
  health = new UnitHealth({ clock, logger, meter: new RecordingMeter() });
});

function attempt(work: () => Promise<number>, what = 'live', signal = GO): Promise<number | undefined> {
  return health.attempt(UNIT, what, signal, work);
}

function fails(error: Error): () => Promise<number> {
  return async () => {
    throw error;
  };
}

const denied = new HeldError('aws_denied', 'the role may not read this group');

describe('the health of a source unit', () => {
  it('passes on what the work gives', async () => {
    expect(await attempt(async () => 7)).toBe(7);
    expect(health.stateOf(UNIT)).toEqual({ unit: UNIT });
  });

  it('keeps the reason of a read that broke off until the same thing goes through', async () => {
    expect(await attempt(fails(new IncompleteReadError('the token repeated')))).toBeUndefined();
    expect(health.stateOf(UNIT)).toEqual({ unit: UNIT, lastError: 'the token repeated' });
    await attempt(async () => 1, 'behind');
    expect(health.stateOf(UNIT).lastError).toBe('the token repeated');
    await attempt(async () => 1);
    expect(health.stateOf(UNIT).lastError).toBeUndefined();
  });

  it('leaves a held unit alone for a minute, says so once, and resumes when the probe goes through', async () => {
    const sinceMs = clock.now();
    let calls = 0;
    const refused = async (): Promise<number> => {
      calls += 1;
      throw denied;
    };
    for (let second = 0; second < 150; second += 10) {
      await attempt(refused);
      clock.skip(10_000);
    }
    expect(calls).toBe(3);
    expect(logger.at('error')).toHaveLength(1);
    expect(health.stateOf(UNIT).held).toEqual({ reason: denied.message, sinceMs });
    clock.skip(60_000);
    expect(await attempt(async () => 3)).toBe(3);
    expect(health.stateOf(UNIT).held).toBeUndefined();
    expect(logger.at('info')).toHaveLength(1);
  });

  it('says one refusal that holds many units once, and again when it comes back', async () => {
    const hold = (unit: string) => health.attempt(unit, 'live', GO, fails(denied));
    await hold(UNIT);
    await hold('logs:other');
    expect(logger.at('error').map(({ fields }) => fields.unit)).toEqual([UNIT]);
    expect(health.stateOf('logs:other').held?.reason).toBe(denied.message);
    clock.skip(61_000);
    await attempt(async () => 1);
    clock.skip(61_000);
    await hold('logs:third');
    expect(logger.at('error')).toHaveLength(1);
    for (const unit of ['logs:other', 'logs:third']) {
      clock.skip(61_000);
      await health.attempt(unit, 'live', GO, async () => 1);
    }
    await hold(UNIT);
    expect(logger.at('error')).toHaveLength(2);
  });

  it('keeps one unit out of the trouble of another', async () => {
    await attempt(fails(denied));
    expect(await health.attempt('logs:other', 'live', GO, async () => 5)).toBe(5);
    expect(health.stateOf('logs:other')).toEqual({ unit: 'logs:other' });
  });

  it('throws that the journal is lost: nothing may go on then', async () => {
    await expect(attempt(fails(new FencedError('another worker took over')))).rejects.toThrow(FencedError);
  });

  it('takes no failure for trouble that came from being stopped', async () => {
    const stop = new AbortController();
    const work = async (): Promise<number> => {
      stop.abort(new Error('stopping'));
      throw new Error('stopping');
    };
    expect(await attempt(work, 'live', stop.signal)).toBeUndefined();
    expect(health.stateOf(UNIT)).toEqual({ unit: UNIT });
    expect(logger.lines).toEqual([]);
  });
});
