import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLedgerCommand } from '../../../src/cli/commands/ledger.ts';
import type { CliContext } from '../../../src/cli/context.ts';
import type { Journal, LedgerEntry } from '../../../src/model/journal.ts';
import { openJournalReader } from '../../../src/store/open-journal.ts';
import { nthRecord, recordsOnly, UNIT } from '../../store/commits.ts';
import { START_MS, TemporaryJournal } from '../../store/temporary-journal.ts';

describe('gatewatch ledger', () => {
  let store: TemporaryJournal;
  let journal: Journal;
  const printed = { out: '', code: 0 };

  beforeEach(async () => {
    store = new TemporaryJournal();
    journal = await store.open();
    printed.out = '';
    printed.code = 0;
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
    const context: CliContext = {
      env: {},
      cwd: store.folder,
      stdout: { write: (text) => (printed.out += text) },
      stderr: { write: () => undefined },
      now: () => START_MS,
      readFile: () => '',
      fileExists: () => false,
      writeFile: () => undefined,
      fileSystemType: () => undefined,
      randomBytes: (count) => new Uint8Array(count),
      setExitCode: (code) => {
        printed.code = code;
      },
    };
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
    expect(text).toMatch(/\/apigw\/orders +6 +5 +4 +0 +1 +1 +1 +-/);
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

  it('leaves out windows outside the span, and prints JSON', async () => {
    await commit({});
    const ledger = JSON.parse(await run('--from', '30s', '--json'));
    expect(ledger).toMatchObject({ units: [{ unit: UNIT, seen: 0, gaps: 1 }], balanced: true });
  });
});
