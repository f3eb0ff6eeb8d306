import { describe, expect, it } from 'vitest';
import type { FindingKind } from '../../src/web/finding.ts';
import {
  type LaneHealth,
  type ReadinessInput,
  readiness,
  type SourceState,
} from '../../src/web/readiness.ts';
import { readinessText } from '../../src/web/readiness-text.ts';

const NOW = Date.UTC(2026, 6, 1, 12, 0, 0);
const STARTED = NOW - 3_600_000;

const source: SourceState = { unit: 'logs:a', readThroughMs: NOW - 60_000, promiseMs: 300_000 };
const lane: LaneHealth = { lane: 'splunk:records:live', pending: 0, promiseMs: 600_000 };
const held = { reason: 'access denied', sinceMs: NOW - 120_000 };

function judged(change: Partial<ReadinessInput> = {}) {
  const worker = { startedMs: STARTED, stopping: false };
  return readiness({ nowMs: NOW, sources: [source], lanes: [lane], worker, ...change });
}

function unread(more: Partial<SourceState> = {}): SourceState {
  return { unit: 'logs:a', promiseMs: 300_000, ...more };
}

interface Row {
  readonly when: string;
  readonly change: Partial<ReadinessInput>;
  readonly reasons: readonly FindingKind[];
  readonly notices: readonly FindingKind[];
}

const late = { ...source, readThroughMs: NOW - 420_000 };
const waiting = { ...lane, pending: 5, oldestPendingMs: NOW - 660_000 };
const gap = {
  unit: 'logs:a',
  fromMs: NOW - 9e6,
  toMs: NOW - 8e6,
  reason: 'retention',
  recordedMs: NOW - 7e6,
};

const TABLE: readonly Row[] = [
  { when: 'all is read and nothing is pending (an idle API)', change: {}, reasons: [], notices: [] },
  { when: 'there is no lane', change: { lanes: [] }, reasons: [], notices: [] },
  {
    when: 'a log group does not exist: there is nothing to read',
    change: { sources: [{ ...source, missingSinceMs: NOW - 60_000 }] },
    reasons: [],
    notices: ['source_missing'],
  },
  {
    when: 'lines of a group come later than its settings allow for',
    change: { sources: [{ ...source, remark: 'set logs.lagAllowance to 3m' }] },
    reasons: [],
    notices: ['source_remark'],
  },
  {
    when: "the host's clock is off",
    change: { worker: { startedMs: STARTED, stopping: false, remark: 'set the clock (NTP)' } },
    reasons: [],
    notices: ['host_remark'],
  },
  { when: 'no source is known yet', change: { sources: [] }, reasons: ['no_source'], notices: [] },
  {
    when: 'a source was never read',
    change: { sources: [source, unread()] },
    reasons: ['never_read'],
    notices: [],
  },
  {
    when: 'a source was never read since a start one second ago',
    change: { sources: [unread()], worker: { startedMs: NOW - 1_000, stopping: false } },
    reasons: ['never_read'],
    notices: [],
  },
  {
    when: 'a source is one millisecond younger than its promise',
    change: { sources: [{ ...source, readThroughMs: NOW - 299_999 }] },
    reasons: [],
    notices: [],
  },
  {
    when: 'a source is as old as its promise',
    change: { sources: [{ ...source, readThroughMs: NOW - 300_000 }] },
    reasons: ['read_late'],
    notices: [],
  },
  {
    when: 'one source of two is late',
    change: { sources: [source, late] },
    reasons: ['read_late'],
    notices: [],
  },
  {
    when: 'the clock was set back behind what was read',
    change: { sources: [{ ...source, readThroughMs: NOW + 60_000 }] },
    reasons: [],
    notices: [],
  },
  {
    when: 'a source is held within its promise',
    change: { sources: [{ ...source, held }] },
    reasons: [],
    notices: ['source_held'],
  },
  {
    when: 'a source is held and late',
    change: { sources: [{ ...late, held }] },
    reasons: ['read_late'],
    notices: [],
  },
  {
    when: 'a source fails within its promise',
    change: { sources: [{ ...source, lastError: 'throttled' }] },
    reasons: [],
    notices: [],
  },
  {
    when: 'records are pending, younger than the promise',
    change: { lanes: [{ ...waiting, oldestPendingMs: NOW - 599_999 }] },
    reasons: [],
    notices: [],
  },
  {
    when: 'records are pending, as old as the promise',
    change: { lanes: [{ ...waiting, oldestPendingMs: NOW - 600_000 }] },
    reasons: ['delivered_late'],
    notices: [],
  },
  {
    when: 'records are pending and nobody knows since when',
    change: { lanes: [{ ...lane, pending: 5 }] },
    reasons: ['pending_unknown'],
    notices: [],
  },
  {
    when: 'a lane is held with nothing pending',
    change: { lanes: [{ ...lane, held }] },
    reasons: [],
    notices: ['lane_held'],
  },
  {
    when: 'a lane that promises no time (old rows) has waited for long',
    change: {
      lanes: [{ lane: 'splunk:records:backfill', pending: 5, oldestPendingMs: NOW - 30 * 86_400_000 }],
    },
    reasons: [],
    notices: [],
  },
  {
    when: 'a lane that promises no time is held',
    change: { lanes: [{ lane: 'splunk:records:backfill', pending: 5, held }] },
    reasons: [],
    notices: ['lane_held'],
  },
  {
    when: 'a destination refuses connections, and what waits is younger than the promise',
    change: { lanes: [{ ...waiting, oldestPendingMs: NOW - 30_000, trouble: 'connect ECONNREFUSED' }] },
    reasons: [],
    notices: ['lane_troubled'],
  },
  {
    when: 'a lane is held, with the trouble that held it',
    change: { lanes: [{ ...lane, held, trouble: 'status 403' }] },
    reasons: [],
    notices: ['lane_held'],
  },
  {
    when: 'a lane has trouble and is late',
    change: { lanes: [{ ...waiting, trouble: 'connect ECONNREFUSED' }] },
    reasons: ['delivered_late'],
    notices: [],
  },
  {
    when: 'a lane is held and late',
    change: { lanes: [{ ...waiting, held }] },
    reasons: ['delivered_late'],
    notices: [],
  },
  { when: 'a gap is recorded', change: { gaps: [gap] }, reasons: [], notices: ['gap'] },
  {
    when: 'the worker is stopping',
    change: { worker: { startedMs: STARTED, stopping: true } },
    reasons: ['stopping'],
    notices: [],
  },
  {
    when: 'another worker has the journal',
    change: { worker: { startedMs: STARTED, stopping: false, fenced: 'epoch 7' } },
    reasons: ['fenced'],
    notices: [],
  },
  {
    when: 'several things are wrong',
    change: { sources: [late, unread()], lanes: [waiting] },
    reasons: ['read_late', 'never_read', 'delivered_late'],
    notices: [],
  },
];

describe('readiness', () => {
  it.each(TABLE)('has reasons $reasons and notices $notices when $when', ({ change, reasons, notices }) => {
    const judgement = judged(change);

    expect(judgement.reasons.map(({ kind }) => kind)).toEqual(reasons);
    expect(judgement.notices.map(({ kind }) => kind)).toEqual(notices);
    expect(judgement.ready).toBe(reasons.length === 0);
  });

  it.each(TABLE)('tells each finding in one sentence on one line when $when', ({ change }) => {
    const { reasons, notices } = judged(change);

    for (const { sentence } of [...reasons, ...notices]) expect(sentence).toMatch(/^[A-Z][^\n]*[^.]\.$/);
  });

  it('says of a late source what, since when, how far behind, the promise, and what to do', () => {
    const [reason] = judged({ sources: [{ ...late, lastError: 'throttled.' }] }).reasons;

    expect(reason).toMatchObject({
      subject: 'logs:a',
      sinceMs: NOW - 120_000,
      behindMs: 420_000,
      promiseMs: 300_000,
      sentence:
        'Source logs:a has been read whole only through 2026-07-01T11:53:00Z, 7m behind, which breaks its promise of 5m since 2026-07-01T11:58:00Z: the last attempt failed (throttled) and is repeated, so mend that if it lasts.',
    });
  });

  it('says of a held and late lane what to mend, and that nothing is lost', () => {
    const [reason] = judged({ lanes: [{ ...waiting, held, trouble: 'refused' }] }).reasons;

    expect(reason).toMatchObject({
      subject: 'splunk:records:live',
      behindMs: 660_000,
      sentence:
        'Lane splunk:records:live has 5 records pending from 2026-07-01T11:49:00Z on, 11m behind, which breaks its promise of 10m since 2026-07-01T11:59:00Z: it is held since 2026-07-01T11:58:00Z (access denied), so mend that and delivery resumes by itself, nothing is lost.',
    });
  });

  it('says of a lane in trouble why, how much waits, and what to do', () => {
    const troubled = { ...waiting, oldestPendingMs: NOW - 30_000, trouble: 'connect ECONNREFUSED.' };
    expect(judged({ lanes: [troubled] }).notices).toEqual([
      {
        kind: 'lane_troubled',
        subject: 'splunk:records:live',
        sinceMs: NOW,
        promiseMs: 600_000,
        sentence:
          'Lane splunk:records:live did not deliver everything at its last attempt (connect ECONNREFUSED), with 5 records pending and still within its promise of 10m: that is repeated by itself and nothing is lost, so look at the destination if it lasts.',
      },
    ]);
  });

  it('says of a held lane how often it is tried, late or not', () => {
    const tried = { held: { ...held, everyMs: 30_000 } };
    const [notice] = judged({ lanes: [{ ...lane, ...tried }] }).notices;
    const [reason] = judged({ lanes: [{ ...waiting, ...tried }] }).reasons;
    for (const finding of [notice, reason])
      expect(finding?.sentence).toMatch(
        /delivery resumes by itself \(it is tried every 30s\), nothing is lost\.$/,
      );
  });

  it('does not let a quoted reason break out of its line', () => {
    const hostile = { ...late, lastError: 'bad\nready\n\u001b[2J\u2028x' };

    expect(readinessText(judged({ sources: [hostile] })).split(/[\n\u2028]/)).toHaveLength(3);
    expect(readinessText(judged({ sources: [hostile] }))).not.toContain('\u001b');
  });
});
