import { expect, it } from 'vitest';
import type { AlarmRecord, AlarmStateName } from '../../src/model/alarm-record.ts';
import type { StateChange, StateRow } from '../../src/model/journal.ts';
import { OpenProblems, REFRESH_MS } from '../../src/pipeline/open-problems.ts';
import { alarmRecord } from '../sinks/entries.ts';

const UNIT = 'alarms:111122223333:eu-west-1';

/** State rows as a journal keeps them. */
function rows() {
  const kept = new Map<string, StateRow>();
  return {
    store: (changes: readonly StateChange[]) => {
      for (const { key, body, ...rest } of changes) {
        if (body === null) kept.delete(key);
        else kept.set(key, { key, body, ...rest });
      }
    },
    allState: async function* (kind: string) {
      for (const row of kept.values()) if (row.kind === kind) yield row;
    },
    get size() {
      return kept.size;
    },
  };
}

/** A change of state as it is read, before anybody knows what it means. */
function change(n: number, toState: AlarmStateName, changes: Partial<AlarmRecord> = {}): AlarmRecord {
  const { problemStatus: _, ...record } = alarmRecord(n, { toState, fromState: 'ALARM', ...changes });
  return record;
}

it('a change that does not say where belongs where its problem began', async () => {
  const problems = await OpenProblems.load(UNIT, rows());
  const { apiId: _a, apiName: _n, stage: _s, owner: _o, ...bare } = change(2, 'OK', { runbook: 'another' });
  const [opened, closed] = problems.follow([change(1, 'ALARM', { fromState: 'OK' }), bare]).records;
  expect(closed).toMatchObject({
    problemStatus: 'closed',
    apiName: 'orders-api',
    stage: 'prod',
    owner: 'payments',
    runbook: opened?.runbook,
    openedEventId: opened?.eventId,
    openedReason: opened?.reason,
    openedSampleRecordIds: ['r1', 'r2'],
  });
});

it('what was not committed did not happen', async () => {
  const journal = rows();
  const problems = await OpenProblems.load(UNIT, journal);
  const lost = problems.follow([change(1, 'ALARM')]);
  expect(problems.follow([change(1, 'ALARM')]).records).toEqual(lost.records);
  const kept = problems.follow([change(1, 'ALARM')]);
  journal.store(kept.state);
  kept.committed();
  expect(problems.follow([change(2, 'ALARM')]).records[0]?.problemStatus).toBe('refreshed');
});

it('problems of one unit are not those of another, and are gone with their end', async () => {
  const journal = rows();
  const problems = await OpenProblems.load(UNIT, journal);
  const opened = problems.follow([change(1, 'ALARM')]);
  journal.store(opened.state);
  opened.committed();
  const other = await OpenProblems.load('alarms:111122223333:eu-central-1', journal);
  expect(other.isDue(Number.MAX_SAFE_INTEGER)).toBe(false);
  const again = await OpenProblems.load(UNIT, journal);
  expect(again.isDue(Number.MAX_SAFE_INTEGER)).toBe(true);
  journal.store(again.follow([change(2, 'OK')]).state);
  expect(journal.size).toBe(0);
});

it('one that was well by the time of its reminder waits for the change that says so', async () => {
  const problems = await OpenProblems.load(UNIT, rows());
  const { committed, records } = problems.follow([change(1, 'ALARM')]);
  committed();
  const dueMs = (records[0]?.eventMs ?? 0) + REFRESH_MS;
  expect(problems.isDue(dueMs - 1)).toBe(false);
  expect(problems.isDue(dueMs)).toBe(true);
  expect(problems.remind(new Map([['problem-1', 'OK']]), dueMs).records).toEqual([]);
  expect(problems.remind(new Map([['problem-1', 'ALARM']]), dueMs).records).toMatchObject([
    { problemStatus: 'refreshed', eventMs: dueMs },
  ]);
});

it('the problem of an alarm that is gone is over, and asked about no more', async () => {
  const journal = rows();
  const problems = await OpenProblems.load(UNIT, journal);
  const opened = problems.follow([change(1, 'ALARM')]);
  journal.store(opened.state);
  opened.committed();
  const dueMs = (opened.records[0]?.eventMs ?? 0) + REFRESH_MS;
  const { records, state, committed } = problems.remind(new Map(), dueMs);
  expect(records).toMatchObject([{ problemStatus: 'closed', eventMs: dueMs }]);
  journal.store(state);
  committed();
  expect(journal.size).toBe(0);
  expect(problems.isDue(dueMs + REFRESH_MS)).toBe(false);
});

it('what ends without having begun where anybody saw it is told as ended, and no more', async () => {
  const problems = await OpenProblems.load(UNIT, rows());
  const [closed] = problems.follow([change(1, 'OK')]).records;
  expect(closed?.problemStatus).toBe('closed');
  expect(closed).not.toHaveProperty('openedEventId');
  const [never] = problems.follow([change(2, 'OK', { fromState: 'INSUFFICIENT_DATA' })]).records;
  expect(never).not.toHaveProperty('problemStatus');
});
