import { describe, expect, it } from 'vitest';
import {
  byGatewayId,
  connect,
  DAY,
  HOUR,
  MINUTE,
  made,
  madeUnder,
  messages,
  outcomes,
  rowsOf,
  sum,
  T,
  use,
  uses,
} from './many-lines.ts';
import { invocation, pass, Rig } from './scenario.ts';

const STEP = 7;

/** Nothing waits in memory any more: the journal has it all. */
async function park(rig: Rig): Promise<void> {
  for (const ms of [6 * MINUTE, 20 * MINUTE, 0]) {
    await pass(rig, ms);
    await rig.finish();
  }
  expect(rig.correlator.pending).toBe(0);
}

describe('a batch takes no more on than it has room for', () => {
  it.each(['at once', 'with a restart before each commit'])(
    'of one decision that many lines named while its log group could not be read, %s',
    async (how) => {
      const rig = new Rig({ linesPerStep: STEP, bodiesInMemory: 0, invocationsInMemory: 0 });
      const restart = () => (how === 'at once' ? Promise.resolve() : rig.restart());
      await rig.feed([use('miss', 'L1', T), ...uses(100, 'L1')]);
      await park(rig);
      expect(rowsOf(rig, 'parked_named')).toBeGreaterThan(1);
      const parts = made('L1');
      const first = await rig.feed(parts);
      expect(first).toBeLessThanOrEqual(STEP + parts.length);
      const commits = await rig.finish(restart);
      expect(Math.max(...commits)).toBeLessThanOrEqual(STEP + 1);
      expect(commits.length).toBeGreaterThan(10);
      expect(outcomes(rig)).toEqual({ 'matched C-L1': 1, 'cached_decision C-L1': 100 });
      expect(rig.alone('L1')).toBeUndefined();
      expect(rowsOf(rig, 'parked_named') + rowsOf(rig, 'unfinished')).toBe(0);
    },
  );

  it('of many decisions that come back with their log group, and none of them goes out alone meanwhile', async () => {
    const rig = new Rig({ linesPerStep: STEP });
    const names = Array.from({ length: 30 }, (_one, n) => `L${n}`);
    for (const name of names) await rig.feed([use(`miss-${name}`, name, T), ...uses(5, name)]);
    await park(rig);
    const parts = names.flatMap(made);
    expect(await rig.feed(parts)).toBeLessThanOrEqual(STEP + parts.length);
    await pass(rig, 6 * MINUTE);
    const commits = await rig.finish();
    expect(Math.max(...commits)).toBeLessThanOrEqual(2 * STEP);
    expect(names.map((name) => rig.alone(name))).toEqual(names.map(() => undefined));
    expect(rig.store.records.size).toBe(180);
    expect(outcomes(rig)).toMatchObject({ 'matched C-L0': 1, 'cached_decision C-L29': 5 });
  });

  it('of one decision that many lines in memory wait for', async () => {
    const rig = new Rig({ linesPerStep: STEP });
    for (const line of uses(100, 'L1')) await rig.feed([line]);
    const parts = [use('miss', 'L1', T), ...made('L1')];
    const commits = [await rig.feed(parts), ...(await rig.finish(() => rig.restart()))];
    expect(Math.max(...commits)).toBeLessThanOrEqual(STEP + parts.length + 1);
    expect(outcomes(rig)).toEqual({ 'matched C-L1': 1, 'cached_decision C-L1': 100 });
  });

  it.each([
    ['parked', 50_000],
    ['parked, and parked again at once', 3],
    ['in memory', 50_000],
  ])(
    'of a decision that is not told yet, and then of the same once it is, %s',
    async (where, linesInMemory) => {
      const settings = { linesPerStep: STEP, linesInMemory, bodiesInMemory: 0, invocationsInMemory: 0 };
      const rig = new Rig(settings);
      await rig.feed(uses(50, 'L1'));
      if (where === 'in memory') await pass(rig, 6 * MINUTE);
      else await park(rig);
      await rig.finish();
      const [start, says, ...rest] = made('L1');
      if (start === undefined || says === undefined) throw new Error('Expected the lines of an invocation');
      const restart = () => rig.restart();
      const commits = [await rig.feed([start]), ...(await rig.finish(restart))];
      // Each of them once, and not again because it went back into the journal meanwhile; and the invocation itself.
      expect(sum(commits)).toBe(51);
      expect(outcomes(rig)).toEqual({ 'cached_decision unknown': 50, 'authorizer_only unknown': 1 });
      await park(rig);
      await rig.feed([...rest, says]);
      expect(Math.max(...(await rig.finish(restart)))).toBeLessThanOrEqual(STEP + 1);
      expect(outcomes(rig)).toMatchObject({ 'cached_decision C-L1': 50 });
    },
  );

  it.each(['long ago', 'now'])(
    'of a decision that was made %s and is told while lines are taken back',
    async (when) => {
      const rig = new Rig({ linesPerStep: STEP, linesInMemory: 3 });
      await rig.feed(uses(50, 'L1'));
      await park(rig);
      const [start, ...rest] = made('L1');
      if (start === undefined) throw new Error('Expected the lines of an invocation');
      await rig.feed([start]);
      for (let n = 0; n < 3; n += 1) await rig.feed([]);
      const shift = when === 'now' ? rig.nowMs - T : 0;
      const later = rest.map((part) => ({ ...part, source: { ...part.source, timestampMs: T + shift } }));
      await rig.feed(later);
      await rig.finish();
      expect(outcomes(rig)).toMatchObject({ 'cached_decision C-L1': 50 });
    },
  );

  it.each(['at once', 'with a restart before each commit'])(
    'of what is parked under many gateway request ids, %s, and no invocation goes out alone that it answers to',
    async (how) => {
      const rig = new Rig({
        linesPerStep: STEP,
        bodiesInMemory: 0,
        invocationsInMemory: how === 'at once' ? 1_000 : 2,
      });
      const names = Array.from({ length: 30 }, (_one, n) => `${n}`);
      await rig.feed(
        [...names, 'other'].flatMap((name) =>
          Array.from({ length: 10 }, (_one, n) => byGatewayId(name, n * MINUTE)),
        ),
      );
      await park(rig);
      const parts = names.flatMap((name) => madeUnder(name));
      const first = await rig.feed(parts.slice(0, 4));
      const commits = [
        first - 4,
        (await rig.feed([...parts.slice(4), ...madeUnder('other', 30_000), ...madeUnder('unheard of')])) -
          parts.length,
      ];
      if (how === 'at once') await pass(rig, 6 * MINUTE);
      commits.push(...(await rig.finish(() => (how === 'at once' ? Promise.resolve() : rig.restart()))));
      // A group is taken back as a whole.
      expect(Math.max(...commits)).toBeLessThanOrEqual(2 * (STEP + 9));
      expect(commits.length).toBeGreaterThan(5);
      await pass(rig, 6 * MINUTE);
      for (const name of names) {
        expect(rig.request(`${name}-0`)).toMatchObject({ outcome: 'matched', customer: `C-${name}` });
        if (how === 'at once') expect(rig.alone(`L${name}`)).toBeUndefined();
      }
      const alone = Object.keys(outcomes(rig)).filter((what) => what.startsWith('authorizer_only'));
      expect(alone.sort()).toEqual(['authorizer_only C-other', 'authorizer_only C-unheard of']);
      expect(rowsOf(rig, 'unfinished')).toBe(0);
    },
  );

  it('of lines that name an invocation which goes out alone once all of them are back', async () => {
    const rig = new Rig({ linesPerStep: STEP });
    await rig.feed(uses(50, 'L1'));
    await park(rig);
    await rig.feed(made('L1'));
    await pass(rig, 6 * MINUTE);
    expect(rig.correlator.isBehind).toBe(true);
    expect(rig.alone('L1')).toBeUndefined();
    await rig.finish();
    expect(rig.alone('L1')).toMatchObject({ outcome: 'authorizer_only', customer: 'C-L1' });
  });

  it('of lines whose rows the journal has forgotten', async () => {
    const rig = new Rig({ linesPerStep: STEP, bodiesInMemory: 0 });
    await rig.feed(uses(20, 'L1'));
    await pass(rig, 6 * MINUTE);
    await rig.finish();
    for (const [key, { kind }] of rig.store.rows) if (kind === 'waiting') rig.store.rows.delete(key);
    await rig.feed(made('L1').slice(0, 1));
    await rig.finish();
    expect(rig.correlator.pending).toBe(0);
  });

  it('of messages that have gone out by what is no longer the decision of their connection', async () => {
    const rig = new Rig({ linesPerStep: STEP });
    await rig.feed([connect('L1'), ...messages(100, 'L1')]);
    await park(rig);
    expect(outcomes(rig)).toEqual({ 'access_only unknown': 101 });
    const parts = made('L1');
    expect(await rig.feed(parts)).toBeLessThanOrEqual(STEP + parts.length + 1);
    const commits = await rig.finish(() => rig.restart());
    expect(Math.max(...commits)).toBeLessThanOrEqual(STEP);
    expect(outcomes(rig)).toEqual({ 'matched C-L1': 1, 'connection_decision C-L1': 100 });
    expect(rowsOf(rig, 'unfinished')).toBe(0);
  });

  it('of messages that wait for the decision of their connection, new ones among them', async () => {
    const rig = new Rig({ linesPerStep: STEP });
    const waiting = messages(100, 'L1');
    for (const line of waiting.slice(0, 90)) await rig.feed([line]);
    const commits = [await rig.feed([connect('L1'), ...made('L1')])];
    for (const line of waiting.slice(90)) {
      await rig.restart();
      commits.push(await rig.feed([line]));
    }
    commits.push(...(await rig.finish(() => rig.restart())));
    expect(Math.max(...commits)).toBeLessThanOrEqual(STEP + 6);
    expect(outcomes(rig)).toEqual({ 'matched C-L1': 1, 'connection_decision C-L1': 100 });
  });

  it.each([
    [0, true],
    [0, false],
    [1_000, false],
  ])(
    'of messages of many connections, those that went out and those that wait, while others come: %i in memory, restarts: %s',
    async (invocationsInMemory, restarts) => {
      const rig = new Rig({ linesPerStep: STEP, invocationsInMemory });
      const restart = () => (restarts ? rig.restart() : Promise.resolve());
      const names = ['L1', 'L2', 'L3', 'L4'];
      const all = new Map(names.map((name) => [name, messages(40, name)]));
      const some = (from: number, to: number) =>
        names.flatMap((name) => all.get(name)?.slice(from, to) ?? []);
      await rig.feed([...names.map((name) => connect(name)), ...some(0, 20)]);
      await park(rig);
      for (let n = 20; n < 30; n += 1) await rig.feed(some(n, n + 1));
      await rig.feed(names.flatMap(made));
      for (let n = 30; n < 40; n += 1) {
        await restart();
        await rig.feed(some(n, n + 1));
      }
      await rig.finish(restart);
      for (const name of names) expect(outcomes(rig)[`connection_decision C-${name}`]).toBe(40);
    },
  );

  it('of messages whose decision changes again, and is known no longer, while they are revised', async () => {
    const rig = new Rig({ linesPerStep: STEP });
    await rig.feed([{ ...connect('L1'), authorizerRequestId: 'L2' }, ...messages(50, 'L1')]);
    await park(rig);
    await rig.feed(made('L1'));
    for (let n = 0; n < 3; n += 1) await rig.feed([]);
    expect(outcomes(rig)['connection_decision C-L1']).toBeGreaterThan(20);
    await rig.feed(invocation({ id: 'L2', startMs: T + 500 }));
    await rig.finish();
    expect(outcomes(rig)).toMatchObject({ 'access_only unknown': 50 });
  });

  it('of messages that were to be told and are overdue by then', async () => {
    const rig = new Rig({ linesPerStep: STEP, connectionsInMemory: 0 });
    for (const line of messages(40, 'L1')) await rig.feed([line]);
    await rig.feed([connect('L1'), ...made('L1')]);
    rig.nowMs += 6 * MINUTE;
    await rig.finish();
    expect(outcomes(rig)).toEqual({ 'matched C-L1': 1, 'connection_decision C-L1': 40 });
  });

  it('of lines that are due, and of those that memory forgets; the invocation of one waits for it', async () => {
    const rig = new Rig({ linesPerStep: STEP });
    // No START, so that nobody can tell at once.
    const [, ...lines] = made('L2');
    await rig.feed(lines);
    rig.nowMs += 1_000;
    for (const line of uses(100, 'L1')) await rig.feed([line]);
    rig.nowMs += 1_000;
    await rig.feed([use('miss', 'L2', T)]);
    const commits: number[] = [];
    for (const ms of [6 * MINUTE, 20 * MINUTE]) {
      rig.nowMs += ms;
      commits.push(await rig.feed([]), ...(await rig.finish(() => rig.restart())));
    }
    expect(Math.max(...commits)).toBeLessThanOrEqual(STEP);
    expect(outcomes(rig)).toEqual({ 'access_only unknown': 100, 'matched C-L2': 1 });
    expect(rig.alone('L2')).toBeUndefined();
    expect(rig.correlator.pending).toBe(0);
  });

  const ids = Array.from({ length: 60 }, (_one, n) => `g${n}`);
  it.each([
    [
      'an invocation',
      [use('miss', 'L1', T), ...uses(30, 'L1')],
      made('L1'),
      { 'matched C-L1': 1, 'cached_decision C-L1': 30 },
    ],
    [
      'a connection',
      [connect('L2'), ...messages(30, 'L2')],
      made('L2'),
      { 'matched C-L2': 1, 'connection_decision C-L2': 30 },
    ],
    [
      'gateway request ids',
      ids.flatMap((id) => [byGatewayId(id, 0), byGatewayId(id, MINUTE), byGatewayId(id, HOUR)]),
      ids.flatMap((id) => madeUnder(id).slice(1, 2)),
      Object.fromEntries(ids.map((id) => [`matched C-${id}`, 1])),
    ],
  ])(
    'and nothing is forgotten that %s still needs, however long nobody carries on',
    async (_what, early, late, joined) => {
      const rig = new Rig({ linesPerStep: STEP, bodiesInMemory: 0, invocationsInMemory: 0 });
      await rig.feed(early);
      await park(rig);
      await rig.feed(late);
      expect(rig.correlator.isBehind).toBe(true);
      rig.nowMs += 3 * DAY;
      await rig.restart();
      await rig.finish();
      expect(outcomes(rig)).toMatchObject(joined);
      expect(rig.correlator.heldSinceMs).toBe(Number.POSITIVE_INFINITY);
      await pass(rig, DAY);
      await pass(rig, 3 * HOUR);
      expect(rig.store.rows.size).toBe(0);
    },
  );

  it('and takes rows apart that an earlier version wrote, however many lines they have', async () => {
    const rig = new Rig({ linesPerStep: 100_000 });
    await rig.feed(uses(450, 'L1'));
    await park(rig);
    const rows = [...rig.store.rows.values()].filter(({ kind }) => kind === 'parked_named');
    const lines = rows.flatMap(({ body }) => JSON.parse(body).lines);
    for (const { kind, key } of rows) rig.store.rows.delete(`${kind}|${key}`);
    const [row] = rows;
    if (row === undefined) throw new Error('Expected a row of parked lines');
    rig.store.rows.set(`${row.kind}|${row.key}`, { ...row, body: JSON.stringify({ lines }) });
    const later = new Rig({ linesPerStep: STEP });
    later.store.take(rig.store);
    later.nowMs = rig.nowMs;
    await later.restart();
    await later.feed(made('L1'));
    await later.finish(() => later.restart());
    expect(outcomes(later)).toMatchObject({ 'cached_decision C-L1': 450 });
  });
});
