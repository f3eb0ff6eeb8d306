import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLedgerCommand } from '../../../src/cli/commands/ledger.ts';
import type { Journal, LedgerEntry } from '../../../src/model/journal.ts';
import { openJournalReader } from '../../../src/store/open-journal.ts';
import { nthRecord, recordsOnly, UNIT } from '../../store/commits.ts';
import { SealingRig } from '../../store/sealing-rig.ts';
import { START_MS, TemporaryJournal } from '../../store/temporary-journal.ts';
import { contextFor, nothingPrinted } from '../../support/cli-context.ts';

describe('gatewatch ledger', () => {
  let store: TemporaryJournal;
  let journal: Journal;
  const printed = nothingPrinted();

  beforeEach(async () => {
    store = new TemporaryJournal();
    journal = await store.open();
    Object.assign(printed, nothingPrinted());
  });
  afterEach(() => store.dispose());

  async function commit(entry: Partial<LedgerEntry>): Promise<void> {
    const ledger = {
      unit: UNIT,
      window: { fromMs: START_MS - 120_000, toMs: START_MS - 60_000 },
      ...{ read: 5, seen: 4, stored: 3, quarantined: 0, filtered: 1, unparsed: 1 },
      ...entry,
    };
    const gap = {
      unit: UNIT,
      fromMs: START_MS - 60_000,
      toMs: START_MS,
      reason: 'retention deleted it',
      recordedMs: 0,
    };
    await journal.commitWindow({ ...recordsOnly(journal.epoch, [nthRecord(1)]), ledger, gaps: [gap] });
  }

  async function run(...args: string[]): Promise<string> {
    const context = contextFor(printed, { cwd: store.folder, now: () => START_MS });
    const command = createLedgerCommand(context, openJournalReader);
    await command.exitOverride().parseAsync(['--journal', 'gatewatch.db', ...args], { from: 'user' });
    return printed.out;
  }

  it('adds up each unit beside the running writer, names gaps and lanes, and says that it balances', async () => {
    await commit({});
    await commit({ read: 1, seen: 1, stored: 1, filtered: 0, unparsed: 0 });
    await journal.lane({
      sink: 'splunk',
      stream: 'records',
      class: 'live',
      name: 'splunk/records/live',
    });
    const text = await run();
    expect(text).toMatch(/\/apigw\/orders +6 +5 +4 +0 +1 +1 +0 +1 +-/);
    expect(text).toMatch(/splunk\/records\/live +0 +0 +0 +0 +1/);
    expect(text).toContain(`gap ${UNIT} 2026-11-22T09:59:00Z to 2026-11-22T10:00:00Z: retention deleted it`);
    expect(text).toContain('seen = stored + quarantined + filtered holds in every window; 1 gaps');
    expect(printed.code).toBe(0);
  });

  it('exits 1 and names the unit when events are unaccounted for', async () => {
    await commit({ stored: 2 });
    expect(await run()).toMatch(/\/apigw\/orders .*DOES NOT ADD UP/);
    expect(printed.code).toBe(1);
  });

  it('counts requests by how they are joined now, and lines that still wait for their partner', async () => {
    const at = { eventMs: START_MS - 30_000 };
    const alone = { ...nthRecord(1), ...at, outcome: 'access_only' as const };
    const joined = { ...alone, eventId: 'with its partner', outcome: 'matched' as const };
    const lonely = { ...nthRecord(2), ...at, outcome: 'authorizer_only' as const };
    const takenOver = { ...lonely, eventId: 'taken over', supersededBy: alone.recordId };
    const stays = { ...nthRecord(3), ...at, outcome: 'access_only' as const };
    const denied = { ...nthRecord(5), ...at, outcome: 'matched' as const, decision: 'deny' as const };
    const old = { ...nthRecord(4), eventMs: START_MS - 48 * 3_600_000 };
    await journal.commitWindow(recordsOnly(journal.epoch, [alone, lonely, stays, denied, old]));
    const waiting = (n: number, left: boolean) => ({
      kind: 'waiting',
      key: `${n}`,
      expiresMs: 0,
      body: JSON.stringify({ part: { source: alone.parts[0] }, readMs: 0, left, expiresMs: 0 }),
    });
    const state = [waiting(1, false), waiting(2, false), waiting(3, true)];
    await journal.commitWindow({ ...recordsOnly(journal.epoch, [joined, takenOver]), state });
    const { outcomes, units } = JSON.parse(await run('--json'));
    expect(outcomes).toEqual([
      { apiId: 'a1b2c3d4e5', apiName: 'orders', stage: 'prod', outcome: 'access_only', records: 1 },
      { apiId: 'a1b2c3d4e5', apiName: 'orders', stage: 'prod', outcome: 'matched', records: 2 },
    ]);
    expect(units).toMatchObject([{ unit: UNIT, settling: 2 }]);
    printed.out = '';
    expect(await run()).toMatch(/orders prod \(a1b2c3d4e5\) +access_only +1\n +matched +2\n/);
  });

  it('says how many rows of what settles nobody can read, and counts the others', async () => {
    const row = (kind: string, key: string, body: string) => ({ kind, key, body, expiresMs: 0 });
    const source = nthRecord(1).parts[0];
    const state = [
      row('waiting', 'a', JSON.stringify({ part: { source }, readMs: 0, left: false, expiresMs: 0 })),
      row('waiting', 'b', '{"part":'),
      row('open_invocation', 'c', '{"startMs":1,"places":[],"sources":[]}'),
    ];
    await journal.commitWindow({ ...recordsOnly(journal.epoch, []), state });
    const { unreadableSettling, units } = JSON.parse(await run('--json'));
    expect(unreadableSettling).toBe(2);
    expect(units).toMatchObject([{ unit: UNIT, settling: 1 }]);
    printed.out = '';
    expect(await run()).toMatch(/\n2 rows of lines that wait for their partner cannot be read/);
  });

  it('lists each window when asked to', async () => {
    await commit({});
    expect(await run()).not.toContain('window of');
    printed.out = '';
    expect(await run('--windows')).toMatch(
      /window of .*\n.*\/apigw\/orders +2026-11-22T09:58:00Z +2026-11-22T09:59:00Z +5 +4 +3 +0 +1 +1\n/,
    );
  });

  it('counts sealed days too, and names the rows of a segment that is not there', async () => {
    const rig = new SealingRig();
    try {
      await rig.open();
      await rig.days(0, 5, 40);
      await rig.seal();
      const asked = ['--journal', rig.store.path, '--from', '2026-11-01', '--to', '2026-11-06'];
      expect(await run(...asked)).toMatch(
        /orders prod \(a1b2c3d4e5\) +cached_decision +\d+\n +matched +\d+\n\n/,
      );
      await rig.journal.close();
      rmSync(join(`${rig.store.path}.segments`, '2026-11-02.000000000041.db'));
      printed.out = '';
      expect(await run(...asked)).toMatch(
        /not counted: rows 41 to 80, events of 2026-11-02T00:00:00Z to 2026-11-02T00:00:39Z: .*bring it back/,
      );
      printed.out = '';
      const { outcomes, uncounted } = JSON.parse(await run(...asked, '--json'));
      const records = outcomes.map((one: { readonly records: number }) => one.records);
      expect(records[0] + records[1]).toBe(4 * 40);
      expect(uncounted).toMatchObject([{ firstSeq: 41, lastSeq: 80 }]);
    } finally {
      await rig.store.dispose();
    }
  });

  it('leaves out windows outside the span, and prints JSON', async () => {
    await commit({});
    const ledger = JSON.parse(await run('--from', '30s', '--json'));
    expect(ledger).toMatchObject({ units: [{ unit: UNIT, seen: 0, gaps: 1 }], balanced: true });
  });
});
