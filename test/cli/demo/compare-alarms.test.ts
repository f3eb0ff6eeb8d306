import { describe, expect, it } from 'vitest';
import { type AlarmEvidence, compareAlarms } from '../../../src/cli/demo/compare-alarms.ts';
import type { NewestRecord } from '../../../src/cli/demo/journal-index.ts';
import type { AlarmRecord } from '../../../src/model/alarm-record.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 10, 22, 12, 0, 0);
const NAME = 'demo/orders-api/prod/p99';
const PLACE = { account: '111122223333', region: 'eu-west-1' };
const TOPIC = 'arn:aws:sns:eu-west-1:111122223333:backlog';

function alarm(eventId: string, changes: Partial<AlarmRecord>): AlarmRecord {
  return {
    kind: 'alarm',
    ...PLACE,
    recordId: `record of ${eventId}`,
    eventId,
    revision: 0,
    alarmName: NAME,
    alarmType: 'metric',
    problemId: 'p',
    fromState: 'OK',
    toState: 'ALARM',
    eventMs: START,
    readMs: START,
    reason: 'slow',
    ...changes,
  };
}

const opened = alarm('opened', { problemStatus: 'opened', eventMs: START + MINUTE, sampleRecordIds: ['r1'] });
const closed = alarm('closed', {
  problemStatus: 'closed',
  fromState: 'ALARM',
  toState: 'OK',
  eventMs: START + 15 * MINUTE,
  openedEventId: 'opened',
});

const request: NewestRecord = {
  kind: 'request',
  recordId: 'r1',
  eventId: 'e1',
  eventMs: START,
  revision: 0,
  parts: [],
  outcome: 'matched',
  decision: 'allow',
  joinKey: 'none',
  customer: 'unknown',
  principal: undefined,
  superseded: false,
};

function evidence(changes: Partial<AlarmEvidence> = {}, alarms = [opened, closed]): AlarmEvidence {
  return {
    planned: [{ name: NAME, topics: { ALARM: [TOPIC], OK: [], INSUFFICIENT_DATA: [] } }],
    incident: { api: 'orders-api', stage: 'prod', factor: 30, fromMs: START, toMs: START + 10 * MINUTE },
    history: [opened, closed].map(({ alarmName, fromState, toState, eventMs }) => ({
      ...PLACE,
      alarmName,
      type: 'StateUpdate',
      atMs: eventMs,
      summary: `Alarm updated from ${fromState} to ${toState}`,
    })),
    told: [{ topicArn: TOPIC, atMs: opened.eventMs, message: { AlarmName: NAME, NewStateValue: 'ALARM' } }],
    problems: [
      {
        title: `${NAME} fired`,
        properties: { event_id: 'opened' },
        startMs: opened.eventMs,
        endMs: closed.eventMs,
        ended: true,
      },
    ],
    splunk: new Map([
      ['opened', 'ALARM'],
      ['closed', 'OK'],
    ]),
    dynatrace: new Map([
      ['opened', ''],
      ['closed', ''],
    ]),
    journal: {
      newest: new Map([['r1', request]]),
      newestMetrics: new Map(),
      events: new Map(),
      alarms: new Map(alarms.map((record) => [record.eventId, record])),
      rows: 3,
    },
    ...changes,
  };
}

function findings(given: AlarmEvidence): readonly string[] {
  return compareAlarms(given).flatMap(({ name, findings: found }) => found.map((one) => `${name}: ${one}`));
}

describe('the comparison of alarms', () => {
  it('finds nothing when journal, sinks and topics say what CloudWatch did', () => {
    const checks = compareAlarms(evidence());
    expect(findings(evidence())).toEqual([]);
    expect(checks.every(({ compared }) => compared > 0)).toBe(true);
  });

  it.each<[string, AlarmEvidence, RegExp]>([
    ['a change that the journal lacks', evidence({}, [opened]), /expected one record of .*to OK.*, got none/],
    ['one that CloudWatch never made', evidence({ history: [] }), /is not in CloudWatch's history/],
    [
      'one stored twice',
      evidence({}, [opened, closed, { ...closed, eventId: 'again' }]),
      /one record of .*got 2/,
    ],
    ['one that Splunk lacks', evidence({ splunk: new Map([['closed', 'OK']]) }), /Splunk has nothing/],
    [
      'one that Splunk got wrong',
      evidence({
        splunk: new Map([
          ['opened', 'OK'],
          ['closed', 'OK'],
        ]),
      }),
      /to ALARM .*Splunk has OK/,
    ],
    ['one that Dynatrace lacks', evidence({ dynatrace: new Map([['opened', '']]) }), /Dynatrace has nothing/],
    ['a problem that is missing', evidence({ problems: [] }), /got no problem/],
    [
      'a problem left open',
      evidence({ problems: evidence().problems.map((problem) => ({ ...problem, ended: false })) }),
      /expected .* to \d+, got .* on/,
    ],
    ['a topic that was not told', evidence({ told: [] }), /expected 1 messages to .*backlog/],
    ['a topic told twice', evidence({ told: [...evidence().told, ...evidence().told] }), /got 2/],
    [
      'a sample that is not there',
      evidence({ journal: { ...evidence().journal, newest: new Map() } }),
      /names request r1: it is not there/,
    ],
    [
      'a sample from after it fired',
      evidence({
        journal: {
          ...evidence().journal,
          newest: new Map([['r1', { ...request, eventMs: START + 2 * MINUTE }]]),
        },
      }),
      /names request r1: it is from/,
    ],
    [
      'an alarm that fired at another time',
      evidence({ incident: { ...evidence().incident, fromMs: START + 2 * MINUTE } }),
      /did not fire: ALARM/,
    ],
    [
      'an alarm that never cleared',
      evidence({ incident: { ...evidence().incident, toMs: START + 5 * MINUTE } }),
      /did not clear/,
    ],
  ])('names %s', (_, given, finding) => {
    expect(findings(given).some((one) => finding.test(one))).toBe(true);
  });
});
