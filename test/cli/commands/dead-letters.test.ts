import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDeadLettersCommand } from '../../../src/cli/commands/dead-letters.ts';
import type { CliContext } from '../../../src/cli/context.ts';
import { openJournalReader } from '../../../src/store/open-journal.ts';
import { commitRecords, series } from '../../store/commits.ts';
import { START_MS, TemporaryJournal } from '../../store/temporary-journal.ts';

const LANE = {
  sink: 'splunk',
  stream: 'records',
  class: 'live',
  name: 'splunk/records/live',
} as const;

describe('gatewatch dead-letters', () => {
  let store: TemporaryJournal;
  const printed = { out: '', err: '', code: 0 };

  beforeEach(async () => {
    store = new TemporaryJournal();
    Object.assign(printed, { out: '', err: '', code: 0 });
    const journal = await store.open();
    await commitRecords(journal, series(0, 3));
    await journal.lane(LANE);
    const [, second] = await journal.readStream('records', 0, 3);
    await journal.ackLane({
      lane: LANE.name,
      epoch: journal.epoch,
      cursor: 3,
      counts: { accepted: 2, rejected: 1, rejectedUnknown: 0, expired: 0, filtered: 0 },
      deadLetters: [
        {
          lane: LANE.name,
          seq: 2,
          recordId: second?.recordId ?? '',
          eventId: second?.eventId ?? '',
          reason: 'HEC code 6: invalid data format',
          atMs: START_MS,
        },
      ],
      expired: [],
      nowMs: START_MS,
    });
  });
  afterEach(() => store.dispose());

  async function run(...args: string[]): Promise<string> {
    const context: CliContext = {
      env: {},
      cwd: store.folder,
      stdout: { write: (text) => (printed.out += text) },
      stderr: { write: (text) => (printed.err += text) },
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
    const command = createDeadLettersCommand(context, openJournalReader);
    await command.exitOverride().parseAsync([...args, '--journal', 'gatewatch.db'], { from: 'user' });
    return printed.out;
  }

  it('lists what was refused, with lane, time and reason', async () => {
    expect(await run('list')).toMatch(
      /splunk\/records\/live +2 +2026-11-22T10:00:00Z .* HEC code 6: invalid data format/,
    );
  });

  it('lists nothing of another lane', async () => {
    expect(await run('list', '--lane', 'dynatrace/records/live')).toBe('no dead letters\n');
  });

  it('shows the record that was refused', async () => {
    expect(JSON.parse(await run('show', '2', '--json'))).toMatchObject({
      reason: 'HEC code 6: invalid data format',
      record: { kind: 'request', path: '/orders/1' },
    });
  });

  it('exits 3 for a number that was delivered, and refuses what is no number', async () => {
    await run('show', '1');
    expect(printed).toMatchObject({ code: 3, err: 'no dead letter has the sequence number 1\n' });
    await expect(run('show', 'first')).rejects.toThrow('got `first`');
  });
});
