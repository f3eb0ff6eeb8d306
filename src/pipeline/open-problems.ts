import { formatDuration } from '../core/duration.ts';
import { sha256Id } from '../core/hash.ts';
import type { AlarmRecord, AlarmStateName, ProblemStatus } from '../model/alarm-record.ts';
import type { Journal, StateChange } from '../model/journal.ts';

/** A problem that goes on is told again this often: what keeps problems lets go of one that nobody speaks of. */
export const REFRESH_MS = 30 * 60_000;

const KIND = 'problem';

/** A problem that was opened and is not over. */
interface OpenProblem {
  /** The change that opened it. */
  readonly opened: AlarmRecord;
  /** How many reminders were due so far. */
  readonly reminders: number;
}

type Problems = ReadonlyMap<string, OpenProblem>;

/** Records with what they mean to the problems of their alarms, and what must be stored with them in one commit. */
export interface FollowedProblems {
  readonly records: readonly AlarmRecord[];
  readonly state: readonly StateChange[];
  /** To be called when both are on disk. */
  readonly committed: () => void;
}

/**
 * The problems of one unit that are open, as the journal's state rows have them. A change alone does not tell: an alarm
 * that is well after it could not be judged ends a problem only if there was one.
 */
export class OpenProblems {
  readonly #unit: string;
  #open: Problems;

  private constructor(unit: string, open: Problems) {
    this.#unit = unit;
    this.#open = open;
  }

  static async load(unit: string, journal: Pick<Journal, 'allState'>): Promise<OpenProblems> {
    const open = new Map<string, OpenProblem>();
    for await (const { key, body } of journal.allState(KIND)) {
      const [owner, problemId] = key.split('\n');
      const problem: OpenProblem = JSON.parse(body);
      if (owner === unit && problemId !== undefined) open.set(problemId, problem);
    }
    return new OpenProblems(unit, open);
  }

  /** Takes changes in, oldest first. */
  follow(changes: readonly AlarmRecord[]): FollowedProblems {
    const open = new Map(this.#open);
    const records = changes.map((change) => followed(change, open));
    return this.#followed(records, open);
  }

  /** True when a reminder of some problem is due. */
  isDue(nowMs: number): boolean {
    return [...this.#open.values()].some((problem) => remindersBy(problem, nowMs) > problem.reminders);
  }

  /** Reminders that are due, by what state the alarms are in now. The problem of an alarm that is gone is over. */
  remind(states: ReadonlyMap<string, AlarmStateName>, nowMs: number): FollowedProblems {
    const open = new Map(this.#open);
    const records = [...this.#open].flatMap(([problemId, problem]): AlarmRecord[] => {
      const reminders = remindersBy(problem, nowMs);
      const state = states.get(problemId);
      if (state === undefined) {
        open.delete(problemId);
        return [deleted(problem.opened, nowMs)];
      }
      // Well already: the change that says so has yet to be read.
      if (reminders === problem.reminders || state === 'OK') return [];
      open.set(problemId, { ...problem, reminders });
      return [reminder(problem.opened, reminders, state, nowMs)];
    });
    return this.#followed(records, open);
  }

  #followed(records: readonly AlarmRecord[], next: Problems): FollowedProblems {
    const committed = () => {
      this.#open = next;
    };
    return { records, state: stateOf(this.#unit, this.#open, next), committed };
  }
}

function followed(change: AlarmRecord, open: Map<string, OpenProblem>): AlarmRecord {
  const { problemId, toState, fromState } = change;
  const problem = open.get(problemId);
  if (toState === 'ALARM' && problem === undefined) {
    const opened = { ...change, problemStatus: 'opened' as const };
    open.set(problemId, { opened, reminders: 0 });
    return opened;
  }
  if (toState === 'OK') open.delete(problemId);
  // One that began before anybody looked goes on or ends all the same.
  if (problem === undefined && fromState !== 'ALARM') return change;
  const problemStatus: ProblemStatus = toState === 'OK' ? 'closed' : 'refreshed';
  if (problem === undefined) return { ...change, problemStatus };
  return { ...withCardOf(problem.opened, change), problemStatus, ...openingOf(problem.opened) };
}

/**
 * Whose the alarm is and what it watches stays what it was when the problem began: a composite that is well names no
 * alarm any more that would tell, and a destination must know the problem again.
 */
function withCardOf(opened: AlarmRecord, change: AlarmRecord): AlarmRecord {
  const { apiId, apiName, stage, severity, owner, runbook, alarmId } = opened;
  const {
    apiId: _a,
    apiName: _n,
    stage: _s,
    severity: _y,
    owner: _o,
    runbook: _r,
    alarmId: _i,
    ...rest
  } = change;
  return {
    ...rest,
    ...(apiId !== undefined && { apiId }),
    ...(apiName !== undefined && { apiName }),
    ...(stage !== undefined && { stage }),
    ...(severity !== undefined && { severity }),
    ...(owner !== undefined && { owner }),
    ...(runbook !== undefined && { runbook }),
    ...(alarmId !== undefined && { alarmId }),
  };
}

function openingOf(opened: AlarmRecord): Partial<AlarmRecord> {
  const { eventMs: openedMs, eventId: openedEventId, reason: openedReason, sampleRecordIds } = opened;
  const samples = sampleRecordIds === undefined ? {} : { openedSampleRecordIds: sampleRecordIds };
  return { openedMs, openedEventId, openedReason, ...samples };
}

function remindersBy({ opened }: OpenProblem, nowMs: number): number {
  return Math.floor((nowMs - opened.eventMs) / REFRESH_MS);
}

function reminder(opened: AlarmRecord, count: number, state: AlarmStateName, nowMs: number): AlarmRecord {
  const afterMs = count * REFRESH_MS;
  return {
    ...unchanged(opened, `reminder ${count}`, nowMs),
    ...openingOf(opened),
    problemStatus: 'refreshed',
    fromState: 'ALARM',
    toState: state,
    eventMs: opened.eventMs + afterMs,
    reason: `Still firing after ${formatDuration(afterMs)}: ${opened.reason}`,
  };
}

function deleted(opened: AlarmRecord, nowMs: number): AlarmRecord {
  return {
    ...unchanged(opened, 'deleted', nowMs),
    ...openingOf(opened),
    problemStatus: 'closed',
    fromState: 'ALARM',
    toState: 'INSUFFICIENT_DATA',
    eventMs: nowMs,
    reason: 'The alarm was deleted while it fired',
  };
}

/** A record of its own that says whose alarm it is and where, as the opening did. */
function unchanged(opened: AlarmRecord, what: string, nowMs: number): AlarmRecord {
  const recordId = sha256Id(`${opened.eventId}\n${what}`);
  return { ...opened, recordId, eventId: sha256Id(`${recordId}\nchange`), readMs: nowMs };
}

function stateOf(unit: string, before: Problems, after: Problems): readonly StateChange[] {
  const rows: StateChange[] = [];
  for (const [problemId, problem] of after) {
    if (before.get(problemId) === problem) continue;
    rows.push({ kind: KIND, key: `${unit}\n${problemId}`, body: JSON.stringify(problem), expiresMs: 0 });
  }
  for (const problemId of before.keys()) {
    if (!after.has(problemId))
      rows.push({ kind: KIND, key: `${unit}\n${problemId}`, body: null, expiresMs: 0 });
  }
  return rows;
}
