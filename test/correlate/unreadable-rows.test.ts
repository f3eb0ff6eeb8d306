import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import { Correlator, defaultCorrelateSettings } from '../../src/correlate/correlator.ts';
import { settlingLines } from '../../src/correlate/settling.ts';
import type { Journal } from '../../src/model/journal.ts';
import type { LogPart } from '../../src/model/part.ts';
import { recordsOnly } from '../store/commits.ts';
import { TemporaryJournal } from '../store/temporary-journal.ts';
import {
  byGatewayId,
  connect,
  MINUTE,
  made,
  madeUnder,
  messages,
  outcomes,
  rowsOf,
  T,
  use,
  uses,
} from './many-lines.ts';
import { pass, Rig, TOPOLOGY } from './scenario.ts';

/** What a flipped bit leaves: the rest of the row is as it was. */
const cutInside = (body: string): string => body.replace('"fields":{', '"fields":{{');

/** Changes the bodies of rows of a kind, of all or of those whose key has `part`. Returns how many. */
function spoil(rig: Rig, kind: string, how: (body: string) => string, part = ''): number {
  let spoilt = 0;
  for (const [at, row] of rig.store.rows) {
    if (row.kind !== kind || !row.key.includes(part)) continue;
    rig.store.rows.set(at, { ...row, body: how(row.body) });
    spoilt += 1;
  }
  return spoilt;
}

function unparsed(rig: Rig): string[] {
  return [...rig.store.records.values()].flatMap((record) =>
    record.kind === 'unparsed' ? record.parts.map(({ eventId }) => eventId) : [],
  );
}

describe('the row of a waiting line that cannot be read', () => {
  it.each([
    ['not JSON any more', cutInside],
    ['another line than its key says', (body: string) => body.replace('ext-L2-0', 'ext-L2-7')],
    ['a line that waits for nothing', (body: string) => body.replace('lambda_request', 'none')],
  ])('is kept as unparsed after a start, told once, and costs no other line: %s', async (_what, how) => {
    const rig = new Rig();
    await rig.feed([...uses(1, 'L1'), ...uses(1, 'L2')]);
    expect(spoil(rig, 'waiting', how, 'access-L2-0')).toBe(1);
    await rig.restart();
    await rig.feed([...made('L1'), ...made('L2')]);
    await rig.restart();
    await rig.feed([]);
    expect(unparsed(rig)).toEqual(['access-L2-0']);
    expect(rig.told).toEqual([expect.stringContaining('kept as unparsed')]);
    expect(outcomes(rig)).toMatchObject({ 'cached_decision C-L1': 1 });
    expect(rowsOf(rig, 'waiting')).toBe(0);
  });

  it.each([
    ['waits for an invocation', () => uses(1, 'L2'), 'L2-0'],
    ['waits by its gateway request id', () => [byGatewayId('1', 0)], '1-0'],
    ['waits for its connection', () => messages(1, 'c'), 'c-0'],
  ])('is kept as unparsed when the worker asks for the body of a line that %s', async (_what, lines, id) => {
    const rig = new Rig({ bodiesInMemory: 0 });
    await rig.feed([...uses(1, 'L1'), ...lines()]);
    expect(spoil(rig, 'waiting', cutInside, `access-${id}`)).toBe(1);
    await pass(rig, 6 * MINUTE);
    await pass(rig, 20 * MINUTE);
    expect(unparsed(rig)).toEqual([`access-${id}`]);
    expect(outcomes(rig)).toEqual({ 'access_only unknown': 1 });
    expect(rig.correlator.pending).toBe(0);
    expect(rig.told).toHaveLength(1);
  });

  it('is kept as unparsed among those that a start leaves to the batches to come', async () => {
    const rig = new Rig({ linesInMemory: 2 });
    const other = new Rig();
    await other.feed(uses(6, 'L1'));
    rig.store.take(other.store);
    expect(spoil(rig, 'waiting', cutInside)).toBe(6);
    await rig.restart();
    for (let n = 0; n < 7; n += 1) await rig.feed([]);
    expect(unparsed(rig)).toHaveLength(6);
    expect(rowsOf(rig, 'waiting')).toBe(0);
  });

  it('leaves a record that is out as it was', async () => {
    const rig = new Rig();
    await rig.feed([...uses(1, 'L1'), ...uses(1, 'L2')]);
    await pass(rig, 6 * MINUTE);
    expect(spoil(rig, 'waiting', cutInside, 'access-L2-0')).toBe(1);
    await rig.restart();
    await rig.feed([...made('L1'), ...made('L2')]);
    expect(unparsed(rig)).toEqual([]);
    expect(outcomes(rig)).toMatchObject({ 'cached_decision C-L1': 1, 'access_only unknown': 1 });
    expect(rig.told).toEqual([expect.stringContaining('stays as it was')]);
  });

  it.each([
    ['after a start', 50],
    ['while the worker runs', 0],
  ])(
    'stays, for the ledger to count, where it does not say where its line is from, %s',
    async (when, bodies) => {
      const rig = new Rig({ bodiesInMemory: bodies });
      await rig.feed([...uses(1, 'L1'), ...uses(1, 'L2')]);
      spoil(rig, 'waiting', () => '{', 'access-L2-0');
      if (when === 'after a start') await rig.restart();
      await pass(rig, 6 * MINUTE);
      await rig.feed(made('L1'));
      expect(outcomes(rig)).toMatchObject({ 'cached_decision C-L1': 1 });
      expect(await settlingLines(rig.store)).toEqual({ lines: new Map(), unreadable: 1 });
      expect(rig.told).toEqual([expect.stringContaining('`gatewatch ledger` counts')]);
    },
  );

  it('stops a start where there are more than a hundred of them, and all of them stay', async () => {
    const rig = new Rig();
    await rig.feed(uses(101, 'L1'));
    spoil(rig, 'waiting', cutInside);
    await expect(rig.restart()).rejects.toThrow('more than 100 rows');
    expect(rowsOf(rig, 'waiting')).toBe(101);
  });
});

describe('the row of an open invocation that cannot be read', () => {
  /** What it logged first, with a text full of what looks like the members of a row. */
  function begun(id: string): LogPart[] {
    return made(id)
      .slice(0, 2)
      .map((part) => ({ ...part, text: '"claim":[1],"places":[["a","b","c","d"]],"sources":[]' }));
  }

  it('is kept as unparsed, line by line, told once, and costs no other invocation', async () => {
    const rig = new Rig();
    await rig.feed([...uses(1, 'L1'), ...uses(1, 'L2'), ...begun('L1'), ...begun('L2')]);
    const ids = begun('L2').map(({ source }) => source.eventId);
    expect(spoil(rig, 'open_invocation', (body) => body.replace('"startMs":', '"startMs";'), 'L2')).toBe(1);
    await rig.restart();
    await rig.feed([]);
    await rig.restart();
    await rig.feed(made('L1').slice(2));
    expect(unparsed(rig).toSorted()).toEqual(ids.toSorted());
    expect(rig.told).toEqual([expect.stringContaining('kept as unparsed')]);
    expect(outcomes(rig)).toMatchObject({ 'cached_decision C-L1': 1 });
    expect(await settlingLines(rig.store)).toMatchObject({ unreadable: 0 });
  });

  it('begins anew with a line that comes as it is told of', async () => {
    const rig = new Rig();
    await rig.feed([...uses(1, 'L2'), ...begun('L2')]);
    spoil(rig, 'open_invocation', (body) => body.replace('"startMs":', '"startMs";'));
    await rig.restart();
    await rig.feed(made('L2').slice(2));
    expect(unparsed(rig)).toHaveLength(2);
    await rig.restart();
    await pass(rig, 20 * MINUTE);
    expect(outcomes(rig)).toEqual({ 'authorizer_only unknown': 1, 'cached_decision unknown': 1 });
    expect(rig.told).toHaveLength(1);
  });

  it.each([
    ['does not say where its lines are from', (body: string) => body.replace('"sources":', '"sources";')],
    ['says so of another group', (body: string) => body.replace('"places":[["', '{"places":[["9')],
    [
      'names a place that it does not have',
      (body: string) => body.replace('"sources":[[0', '{"sources":[[7'),
    ],
  ])('stays, for the ledger to count, where it %s', async (_what, how) => {
    const rig = new Rig();
    await rig.feed([...uses(1, 'L2'), ...begun('L2')]);
    expect(spoil(rig, 'open_invocation', how)).toBe(1);
    await rig.restart();
    await rig.feed([]);
    expect(unparsed(rig)).toEqual([]);
    expect(rig.told).toEqual([expect.stringContaining('`gatewatch ledger` counts')]);
    expect(await settlingLines(rig.store)).toMatchObject({ unreadable: 1 });
  });

  it('leaves the record that has its lines as it was', async () => {
    const rig = new Rig();
    await rig.feed([byGatewayId('2', 0), ...madeUnder('2')]);
    await pass(rig, 6 * MINUTE);
    const before = rig.store.records.size;
    expect(spoil(rig, 'open_invocation', (body) => body.replace('"startMs":', '"startMs";'))).toBe(1);
    await rig.restart();
    await rig.feed([]);
    expect(rig.store.records.size).toBe(before);
    expect(rig.told).toEqual([expect.stringContaining('stays as it was')]);
  });
});

/** Everything that is left of what a batch asks the journal for. */
async function parkedRig(): Promise<Rig> {
  const rig = new Rig({ linesPerStep: 5, invocationsInMemory: 0, connectionsInMemory: 0 });
  const torn = { ...use('torn', 'L1', T), authorizerRequestId: 'L9' };
  await rig.feed([...uses(20, 'L0'), byGatewayId('7', 0), connect('c'), ...made('c'), torn, ...made('L1')]);
  await rig.feed([...messages(9, 'c'), ...madeUnder('2')]);
  for (const ms of [6 * MINUTE, 20 * MINUTE, 0]) {
    await pass(rig, ms);
    await rig.finish();
  }
  return rig;
}

describe('a row of what the join has put by that cannot be read', () => {
  const cutOff = () => '{';
  it.each([
    ...['parked_named', 'parked', 'connection_lines', 'lonely', 'torn', 'connection'].map(
      (kind) => [kind, cutOff] as const,
    ),
    ...['parked_named', 'parked', 'connection_lines', 'torn'].map(
      (kind) => [kind, (body: string) => body.replace(/"(recordId|claim)"/, '"lost"')] as const,
    ),
    ['connection_lines', (body: string) => body.replace('"verdict"', '"lost"')] as const,
  ])('costs neither a start nor a batch: %s', async (kind, how) => {
    const rig = await parkedRig();
    expect(spoil(rig, kind, how)).toBeGreaterThan(0);
    await rig.restart();
    const deny = made('c').map((part) => ({ ...part, source: { ...part.source, eventId: 'late' } }));
    const [late] = deny.filter((part) => part.role === 'authorizer' && part.line === 'application');
    if (late?.role !== 'authorizer') throw new Error('Expected the line with the decision');
    await rig.feed([
      ...[...made('L0'), ...madeUnder('7'), ...made('L9'), byGatewayId('2', 0)],
      { ...late, decision: 'deny' },
    ]);
    await rig.finish();
    expect(rig.told.length).toBeGreaterThan(0);
  });

  it.each(['{', '{"lines":7}'])('is left out where its lines are %s', async (body) => {
    const rig = await parkedRig();
    spoil(rig, 'parked_named', () => body);
    await rig.feed(made('L0'));
    await rig.finish();
    expect(outcomes(rig)).not.toHaveProperty('cached_decision C-L0');
    expect(rig.told.length).toBeGreaterThan(0);
  });

  it('is begun anew where it says how far lines were told', async () => {
    const rig = await parkedRig();
    await rig.feed(made('L0'));
    expect(spoil(rig, 'unfinished_named', () => '{')).toBe(1);
    await rig.restart();
    expect(rig.correlator.heldSinceMs).toBe(0);
    await rig.finish();
    expect(outcomes(rig)).toMatchObject({ 'cached_decision C-L0': 20 });
    expect(rowsOf(rig, 'unfinished')).toBe(0);
    expect(rig.told).toHaveLength(1);
  });

  it('counts as that anything may have been forgotten, and is written anew', async () => {
    const rig = new Rig({ linesInMemory: 10 });
    await rig.feed(uses(20, 'L1'));
    expect(spoil(rig, 'forgotten', () => '{')).toBe(1);
    await rig.restart();
    for (let n = 0; n < 30; n += 1) await rig.feed([]);
    await rig.restart();
    await rig.feed(made('L1'));
    await rig.finish();
    expect(outcomes(rig)).toMatchObject({ 'cached_decision C-L1': 20 });
    expect(rig.told).toHaveLength(1);
  });
});

describe('memory that could not be rebuilt', () => {
  it('is rebuilt before anything else is judged by it', async () => {
    const rig = new Rig();
    const [start, ...rest] = made('L1');
    if (start === undefined) throw new Error('Expected the lines of an invocation');
    await rig.feed([...uses(1, 'L1'), start]);
    const { allState } = rig.store;
    rig.store.allState = () => {
      throw new Error('the disk is gone');
    };
    await expect(rig.correlator.reset()).rejects.toThrow('gone');
    expect(rig.correlator.heldSinceMs).toBe(0);
    rig.store.allState = allState;
    await rig.feed(rest);
    expect(outcomes(rig)).toEqual({ 'cached_decision C-L1': 1 });
    expect(rig.correlator.heldSinceMs).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a worker whose journal has a spoilt row', () => {
  const files = new TemporaryJournal();
  afterAll(() => files.dispose());

  it('starts, and the journal has the line of that row as one that nobody could read', async () => {
    const parts = [...uses(1, 'L1'), ...uses(1, 'L2')];
    await committed(await files.open(), parts);
    const db = new DatabaseSync(files.path);
    db.prepare(
      "UPDATE state SET body = replace(body, '\"fields\":{', '\"fields\":{{') WHERE key LIKE '%access-L2-0'",
    ).run();
    db.close();
    const journal = await files.takeOver();
    await committed(journal, [...made('L1'), ...made('L2')]);
    const records = (await journal.readStream('records', 0, 10)).map(({ record }) => record);
    const [spoilt] = records.filter(({ kind }) => kind === 'unparsed');
    expect(spoilt).toMatchObject({ logGroup: '/apigw/orders', parts: [{ eventId: 'access-L2-0' }] });
    expect(records.filter(({ kind }) => kind === 'request')).toMatchObject([{ outcome: 'cached_decision' }]);
    expect(await settlingLines(journal)).toMatchObject({ unreadable: 0 });
  });
});

/** Starts a join on the journal, and commits these lines with it. */
async function committed(journal: Journal, parts: readonly LogPart[]): Promise<void> {
  const settings = defaultCorrelateSettings;
  const correlator = new Correlator({ store: journal, settings, topology: () => TOPOLOGY });
  await correlator.reset();
  const { records, state } = await correlator.process({ parts, nowMs: T, watermarkOf: () => undefined });
  await journal.commitWindow({ ...recordsOnly(journal.epoch, records), state });
}
