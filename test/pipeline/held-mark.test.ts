import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LaneDrain } from '../../src/pipeline/drain-lane.ts';
import { HeldMark } from '../../src/pipeline/held-mark.ts';
import { LaneVoice } from '../../src/pipeline/lane-voice.ts';
import { lane } from '../contract/journal-records.ts';
import { quiet, until } from '../support/fake-clock.ts';
import { accepts, holds, LaneRig, ScriptedSink } from './lane-rig.ts';

const REASON = 'the token is refused';

let rig: LaneRig;
/** What the journal was asked to write of the lane, in order. */
let written: (string | undefined)[];
/** Writes of this kind fail while it says so. */
let fails: (reason: string | undefined) => boolean;
beforeEach(async () => {
  rig = await LaneRig.start();
  written = [];
  fails = () => false;
});
afterEach(() => rig.dispose());

/** A lane over a journal that fails to write whether the lane is held when `fails` says so. */
async function laneOf(sink: ScriptedSink): Promise<LaneDrain> {
  const journal = rig.journalWith({
    setLaneHeld: async (lane, reason) => {
      written.push(reason);
      if (fails(reason)) throw new Error('the disk is slow today');
      await rig.journal.setLaneHeld(lane, reason);
    },
  });
  return rig.lane(sink, {}, journal);
}

async function heldInJournal(): Promise<string | undefined> {
  return (await rig.journal.lanes())[0]?.heldReason;
}

/** A lane that was held for one row and has delivered it, while the journal could not be told that it is well. */
async function unwrittenRelease(): Promise<{ drain: LaneDrain; sink: ScriptedSink }> {
  await rig.rows('a');
  const sink = new ScriptedSink('splunk', 10, holds(REASON), accepts);
  const drain = await laneOf(sink);
  fails = (reason) => reason === undefined;
  rig.run(drain);
  await until(async () => (await heldInJournal()) === REASON, 'the journal says that the lane is held');
  await until(() => rig.clock.sleeping > 0, 'the lane waits to probe');
  await rig.clock.advance(30_000);
  await until(() => drain.status.cursor === 1, 'the row is delivered');
  return { drain, sink };
}

describe('a lane whose release could not be written', () => {
  it('counts what was accepted, says itself well at once, and tells the journal soon without another row', async () => {
    const { drain, sink } = await unwrittenRelease();
    expect(drain.status).toMatchObject({ held: undefined, heldSinceMs: undefined, counts: { accepted: 1 } });
    expect(drain.status.trouble).toBeUndefined();
    expect(await heldInJournal()).toBe(REASON);
    fails = () => false;
    await rig.clock.advance(3_000);
    expect(await heldInJournal()).toBeUndefined();
    expect(sink.sent).toEqual([[1], [1]]);
    const tries = written.length;
    await rig.clock.advance(60_000);
    expect(written).toHaveLength(tries);
  });

  it('tries ever more slowly while the journal takes nothing', async () => {
    await unwrittenRelease();
    const before = written.length;
    await rig.clock.advance(600_000);
    expect(written.length - before).toBeGreaterThan(5);
    expect(written.length - before).toBeLessThan(20);
  });

  it('tells the journal as it stops, whenever it tried last', async () => {
    await unwrittenRelease();
    fails = () => false;
    await rig.stop();
    expect(await heldInJournal()).toBeUndefined();
  });
});

it('a lane whose hold could not be written says so in the journal before its next probe', async () => {
  await rig.rows('a');
  const sink = new ScriptedSink('splunk', 10, holds(REASON));
  const drain = await laneOf(sink);
  fails = () => written.length === 1;
  rig.run(drain);
  await until(() => drain.status.held !== undefined, 'the lane is held');
  await quiet();
  expect(await heldInJournal()).toBeUndefined();
  await rig.clock.advance(3_000);
  expect(await heldInJournal()).toBe(REASON);
  expect(sink.sent).toEqual([[1]]);
});

describe('a lane that the worker before left marked as held', () => {
  /** As after a kill between a delivery and the release that could not be written. */
  async function markedLane(sink: ScriptedSink): Promise<LaneDrain> {
    await rig.journal.lane(lane('splunk'));
    await rig.journal.setLaneHeld('splunk', REASON);
    const drain = await laneOf(sink);
    expect(drain.status.held).toBe(REASON);
    return drain;
  }

  it('is well as soon as it finds nothing to deliver: no row may come for days, and others wait behind it', async () => {
    const drain = await markedLane(new ScriptedSink('splunk', 10));
    rig.run(drain);
    await until(async () => (await heldInJournal()) === undefined, 'the journal says that the lane is well');
    expect(drain.status.held).toBeUndefined();
    expect(drain.isAtEase).toBe(true);
  });

  it('stays so while a batch is on its way, also when a look behind it finds nothing more', async () => {
    await rig.rows('a');
    const looked = Promise.withResolvers<void>();
    let looks = 0;
    const journal = rig.journalWith({
      readLane: async (...asked) => {
        const rows = await rig.journal.readLane(...asked);
        looks += 1;
        if (looks === 2) await looked.promise;
        return rows;
      },
    });
    const sink = new ScriptedSink('splunk', 10, holds(REASON));
    const drain = await rig.lane(sink, { batchesInFlight: 2 }, journal);
    rig.run(drain);
    await until(() => drain.status.held !== undefined, 'the lane is held');
    expect(looks).toBe(2);
    looked.resolve();
    await quiet();
    expect(drain.status.held).toBe(REASON);
  });

  it('stays so until the destination has taken what it has to deliver', async () => {
    await rig.rows('a');
    const sink = new ScriptedSink('splunk', 10, holds(REASON));
    const drain = await markedLane(sink);
    rig.run(drain);
    await until(() => rig.clock.sleeping > 0, 'the lane waits to probe');
    const sinceMs = rig.clock.now();
    await rig.clock.advance(90_000);
    expect(sink.sent.length).toBeGreaterThan(1);
    expect(drain.status).toMatchObject({ held: REASON, heldSinceMs: sinceMs });
    expect(written).toEqual([]);
  });
});

it('a lane that is held again while its release is being written ends as held in the journal', async () => {
  const { clock, logger, meter } = rig;
  const endings: (() => void)[] = [];
  const journal = {
    setLaneHeld: async (_lane: string, reason: string | undefined) => {
      await new Promise<void>((resolve) => endings.push(resolve));
      written.push(reason);
    },
  };
  const voice = new LaneVoice({ lane: 'splunk', logger, meter, heldProbeMs: 30_000 });
  const mark = new HeldMark({ lane: 'splunk', journal, voice, clock, backoffMs: () => 1_000 });
  mark.start(REASON);
  const release = mark.release();
  await quiet();
  const hold = mark.hold('the index is refused');
  // One write at a time: the second begins when the first has ended.
  for (const write of [release, hold]) {
    await quiet();
    expect(endings).toHaveLength(1);
    endings.pop()?.();
    await write;
  }
  expect(written).toEqual([undefined, 'the index is refused']);
  expect(mark.reason).toBe('the index is refused');
});
