import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSystemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { RequestRecord } from '../../src/model/request-record.ts';
import { logUnitOf } from '../../src/pipeline/topology.ts';
import { openJournal, openJournalReader } from '../../src/store/open-journal.ts';
import { requestRecord } from '../contract/journal-records.ts';
import { central, region } from '../sandbox/small-world.ts';
import {
  at,
  backtestRig,
  DEFAULTS,
  ERRORS,
  IMPACT,
  LOG_GROUP,
  MINUTE_MS,
  type Minute,
  NOW_MS,
  setOf,
  within,
} from './backtest-rig.ts';

const budgeted = (pages: number, zone = 'UTC') =>
  `${DEFAULTS}  timezone: ${zone}\n  budget: { pages_per_week: ${pages} }\n`;
const CORE = { '_defaults.yaml': budgeted(20), 'core.yaml': setOf(ERRORS, IMPACT) };
const TRAFFIC =
  '{ id: traffic, metric: requests, Statistic: SampleCount, Threshold: 10, ComparisonOperator: LessThanThreshold, EvaluationPeriods: 10, TreatMissingData: breaching }';

/** Fails for ten minutes at 23:00, clears for four, fails again for ten. */
function flapping(minuteMs: number): Minute {
  const fails = within(minuteMs, at(23, 0, 1), 10) || within(minuteMs, at(23, 14, 1), 10);
  return { requests: 100, failed: fails ? 50 : 0 };
}

describe('gatewatch alarms backtest', () => {
  it('counts firings, flaps, the longest, and the share at night where people are', async () => {
    const rig = await backtestRig(flapping, CORE);
    const { out } = await rig.run('backtest', '--since', '1d');
    expect(out).toContain(
      'core/impact[orders/prod]                       page    2 firings, 14.0 a week, 1 flap, longest 8m, 2 at night (100 %)',
    );
    expect(out).toContain(
      '2 replayed, 0 without history, 0 that cannot be judged offline. 14.0 pages a week.',
    );
    rig.write('alarms/_defaults.yaml', budgeted(20, 'America/New_York'));
    const there = await rig.run('backtest', '--since', '1d');
    expect(there.out).toContain('2 firings, 14.0 a week, 1 flap, longest 8m\n');
  });

  it('refuses a time zone that does not exist, at its line', async () => {
    const rig = await backtestRig(flapping, { ...CORE, '_defaults.yaml': budgeted(20, 'Mars/Olympus') });
    const { code, err } = await rig.run('backtest', '--since', '1d');
    expect(code).toBe(1);
    expect(err).toMatch(/alarms\/_defaults\.yaml:\d+:\d+.*Europe\/Berlin/);
  });

  it('asks again for what CloudWatch did not answer whole', async () => {
    const rig = await backtestRig(flapping, CORE);
    const sound = await rig.run('backtest', '--since', '1d', '--no-cache');
    rig.sandbox.replaceFaults({ names: ['partial'], rates: { partial: 0.4 } });
    const again = await rig.run('backtest', '--since', '1d', '--no-cache');
    expect(rig.sandbox.faultCounts.get('partial')).toBeGreaterThan(0);
    expect(again.code).toBe(sound.code);
    expect(again.out).toBe(sound.out);
  });

  it('fails above the page budget and not at it', async () => {
    const rig = await backtestRig(flapping, { ...CORE, '_defaults.yaml': budgeted(14) });
    expect((await rig.run('backtest', '--since', '1d')).code).toBe(0);
    rig.write('alarms/_defaults.yaml', budgeted(13.9));
    expect(await rig.run('backtest', '--since', '1d')).toMatchObject({
      code: 1,
      err: expect.stringContaining('Expected at most 13.9 pages a week (budget.pages_per_week), got 14.0'),
    });
    expect((await rig.run('backtest', '--since', '1d', '--allow-over-budget')).code).toBe(0);
  });

  it('looks back before the span: what began before is no firing, and silence before the first point is none', async () => {
    const rig = await backtestRig(
      (minuteMs) => (minuteMs < at(11) ? { requests: 100, failed: 50 } : { requests: 100 }),
      {
        ...CORE,
        'core.yaml': setOf(ERRORS, TRAFFIC),
      },
    );
    const { out } = await rig.run('backtest', '--since', '2h');
    expect(out).toContain(
      'core/errors[orders/prod]                       info    0 firings, 0.0 a week, longest',
    );
    expect(out).toContain('1 alarm would not have fired');
  });

  it('says no history where a metric never had a point', async () => {
    const rig = await backtestRig(() => undefined, CORE);
    const { out } = await rig.run('backtest', '--since', '2h');
    expect(out).toMatch(/core\/errors\[orders\/prod\] +info +no history\n/);
    expect(out).toMatch(/core\/impact\[orders\/prod\] +page +no history\n/);
    expect(out).toContain('0 replayed, 2 without history');
  });

  it('says inconclusive where AWS leaves open what a pattern means', async () => {
    const rig = await backtestRig(
      (minuteMs) =>
        minuteMs < at(9) || minuteMs === at(10)
          ? { requests: 10, failed: minuteMs === at(10) ? 10 : 0 }
          : undefined,
      {
        ...CORE,
        'core.yaml': setOf(
          ERRORS.replace(' }', ', DatapointsToAlarm: 2, TreatMissingData: missing }'),
          IMPACT,
        ),
      },
    );
    const { out } = await rig.run('backtest', '--since', '6h');
    expect(out).toMatch(
      /core\/errors.* inconclusive: AWS leaves 3 moments open, the first at 2026-11-16T10:04Z/,
    );
    expect(out).toMatch(/core\/impact.* inconclusive: AWS leaves 3 moments open/);
    const { out: json } = await rig.run('backtest', '--since', '6h', '--json');
    expect(JSON.parse(json).alarms).toContainEqual(
      expect.objectContaining({ id: 'core/errors[orders/prod]', inconclusive: true }),
    );
  });

  it('compares with what AWS itself recorded of the same alarms', async () => {
    const rig = await backtestRig(flapping, CORE);
    rig.clock.nowMs = at(22, 0, 1);
    expect((await rig.run('apply', '--yes')).code).toBe(0);
    rig.clock.nowMs = at(12, 20);
    const quiet = await rig.run('backtest', '--since', '1d');
    expect(quiet.out).toMatch(/impact.*2 firings.*; AWS recorded 2, 2 of them at the same time/);
    expect(quiet.out).toContain("Agreement with AWS's own history of 2 alarms: 100 % of 4 firings.");
    rig.write('alarms/core.yaml', setOf(ERRORS.replace('Periods: 3', 'Periods: 9'), IMPACT));
    const changed = await rig.run('backtest', '--since', '1d');
    expect(changed.out).toMatch(/impact.*2 firings.*; AWS recorded 2, 0 of them at the same time/);
    expect(changed.out).toContain('0 % of 8 firings');
  });
});

describe('a backtest of signals of the log', () => {
  const FAILURES =
    '{ id: failures, metric: auth.failures, Statistic: Sum, Threshold: 2, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 2, TreatMissingData: notBreaching }';
  const RULE = IMPACT.replace('ALARM(errors)', 'ALARM(errors) OR ALARM(failures)');
  // Its lines must be JSON for there to be a filter: the latency of the rig's format is quoted.
  const FILES = { ...CORE, 'core.yaml': setOf(ERRORS, FAILURES, RULE) };

  const GROUP = { account: central, region, logGroup: LOG_GROUP };

  /** So many failures in each minute of a span. */
  function failures(name: string, fromMs: number, minutes: number, perMinute: number): RequestRecord[] {
    return Array.from({ length: minutes * perMinute }, (_, n) => {
      const eventMs = fromMs + Math.floor(n / perMinute) * MINUTE_MS + n;
      const event = { logStream: 's', eventId: `${name}${n}`, timestampMs: eventMs, ingestionMs: eventMs };
      const parts = [{ ...GROUP, ...event, role: 'access' as const }];
      const ids = { recordId: `record ${name}${n}`, eventId: `event ${name}${n}` };
      const what = { status: 500, errorResponseType: 'AUTHORIZER_FAILURE' };
      return requestRecord({
        ...ids,
        ...what,
        account: central,
        region,
        apiId: 'a1',
        stage: 'prod',
        eventMs,
        parts,
      });
    });
  }

  /**
   * A journal whose worker has read the stage's log from nine to noon: five failures a minute from ten to half past, and
   * two a minute from eleven on for ten minutes, whose records were revised.
   */
  async function journalOf(folder: string): Promise<void> {
    const silent = { clock: { ...createSystemClock(), now: () => NOW_MS }, logger: silentLogger };
    const journal = await openJournal({ path: join(folder, 'gatewatch.db'), owner: 'test', ...silent });
    const unit = logUnitOf(GROUP);
    const few = failures('few', at(11), 10, 2);
    const revised = few.map((record) => ({ ...record, eventId: `${record.eventId} again`, customer: 'C-2' }));
    const counts = { read: 150, seen: 0, stored: 0, quarantined: 0, filtered: 0, unparsed: 0 };
    for (const [version, records] of [[...failures('many', at(10), 30, 5), ...few], revised].entries()) {
      const nothing = { unit, seen: [], state: [], gaps: [], nowMs: NOW_MS, epoch: journal.epoch };
      const ledger = { unit, window: { fromMs: at(9), toMs: at(12) }, ...counts };
      const nextCheckpoint = { readThroughMs: at(12), rereads: [] };
      const commit = { ...nothing, records, ledger, nextCheckpoint, expectedVersion: version };
      expect(await journal.commitWindow(commit)).toMatchObject({
        kind: 'committed',
        entries: { length: records.length },
      });
    }
    await journal.close();
  }

  it('replays them from the journal, asks CloudWatch for none of them, and says what it does not know', async () => {
    const rig = await backtestRig(flapping, FILES, { openJournal: openJournalReader });
    await journalOf(rig.folder);
    const { out, err } = await rig.run('backtest', '--since', '6h');
    expect(out).toMatch(
      /core\/failures\[orders\/prod\] +info +1 firing, .* a week, longest 31m, history of 2h50m only\n/,
    );
    expect(out).toMatch(
      /core\/impact\[orders\/prod\] +page +1 firing, .*, no full history of core\/failures\[orders\/prod\]\n/,
    );
    expect(out).toContain('An estimate, scaled up from 6h: points that were late then are there now.');
    expect(out).not.toContain('always-breaching');
    expect(err).toContain('Reads 1 metrics in 1 calls: about $0.00 (list price, unverified).\n');
    const before = await rig.run('backtest', '--since', '1h', '--no-cache');
    expect(before.out).toContain(
      '3 alarms would not have fired; of 2 of them only a part of the time has a history\n',
    );
  });

  it('has no history of them without a journal, and of a time it did not read', async () => {
    const rig = await backtestRig(flapping, FILES, { openJournal: openJournalReader });
    expect((await rig.run('backtest', '--since', '6h')).out).toMatch(
      /core\/failures\[orders\/prod\] +info +no history\n/,
    );
    await journalOf(rig.folder);
    rig.clock.nowMs = at(20);
    expect((await rig.run('backtest', '--since', '6h')).out).toMatch(
      /core\/failures\[orders\/prod\] +info +no history\n/,
    );
  });
});

describe('signals that the worker publishes', () => {
  const LATENCY =
    '{ id: authorizer, metric: auth.latency, ExtendedStatistic: p95, Period: 300, Threshold: 1000, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 3 }';

  it('are refused as metric filters for the quotes around a number, and alarmed on once they are published', async () => {
    const rig = await backtestRig(flapping, { ...CORE, 'core.yaml': setOf(LATENCY) });
    expect((await rig.run('plan')).out).toMatch(
      /x refused .*stands in quotes.*alarms\.publish: \[auth\.latency\]/,
    );
    const config = JSON.parse(readFileSync(join(rig.folder, 'gatewatch.yaml'), 'utf8'));
    rig.write('gatewatch.yaml', JSON.stringify({ ...config, alarms: { publish: ['auth.latency'] } }));
    const { out } = await rig.run('plan');
    expect(out).toContain('core/authorizer[orders/prod]                   + create   alarm');
    expect(out).toContain('1 to add');
    expect((await rig.run('cost')).out).toMatch(/published signals +1 +\$0\.30\ntotal \$0\.40 a month/);
    expect((await rig.run('apply', '--yes')).code).toBe(0);
    expect((await rig.run('plan')).code).toBe(0);
    expect((await rig.run('backtest', '--since', '2h')).out).toMatch(/core\/authorizer.* no history\n/);
  });
});

describe('gatewatch alarms backtest --against', () => {
  function git(folder: string, ...args: readonly string[]): void {
    const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'init.defaultBranch=main'];
    execFileSync('git', [...who, '-C', folder, ...args], { stdio: 'pipe' });
  }

  it('compares with a revision from a folder below the top, and sees files that are not committed', async () => {
    const rig = await backtestRig(flapping, CORE);
    rig.write('alarms/größe/_defaults.yaml', DEFAULTS.replace('everywhere', 'below'));
    const run = (...args: readonly string[]) => rig.run('backtest', '--since', '1d', ...args);
    expect(await run('--against', 'git:main')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/Expected .* to be in a git repository, got: .*not a git repository/),
    });
    git(rig.folder, 'init');
    git(rig.folder, 'add', 'alarms');
    git(rig.folder, 'commit', '-m', 'alarms');
    expect((await run('--against', 'git:main')).code).toBe(0);
    rig.write('alarms/core.yaml', setOf(ERRORS.replace('0.05', '0.9'), IMPACT));
    rig.write('alarms/more.yaml', setOf('{ id: many, use: aws/4xx }').replace('name: core', 'name: more'));
    const { out, code } = await run('--against', 'git:main');
    expect(code).toBe(2);
    expect(out).toMatch(/core\/impact\[orders\/prod\] +page +0 firings.* before: 2 firings/);
    expect(out).toMatch(/more\/many\[orders\/prod\].* before: not there/);
    expect(out).toContain('0.0 pages a week (before: 14.0).');
    git(rig.folder, 'add', 'alarms');
    git(rig.folder, 'commit', '-m', 'less');
    expect((await run('--against', 'git:HEAD~1')).out).toContain('(before: 14.0)');
    renameSync(join(rig.folder, 'alarms'), join(rig.folder, 'watch'));
    const moved = await run('--dir', 'watch', '--against', 'main');
    expect(moved).toMatchObject({
      code: 2,
      err: expect.stringContaining('main has nothing in watch: every alarm is new'),
    });
  });

  it('refuses what is no revision and says what it expected', async () => {
    const rig = await backtestRig(flapping, CORE);
    git(rig.folder, 'init');
    git(rig.folder, 'add', 'alarms');
    git(rig.folder, 'commit', '-m', 'alarms');
    const refused = async (revision: string) => (await rig.run('backtest', '--against', revision)).err;
    expect(await refused('git:no-such-branch')).toContain(
      'Expected a branch, tag or commit of this repository after git:, got no-such-branch',
    );
    expect(await refused('git:--output=x')).toContain(
      'Expected a branch, tag or commit after git:, got --output=x',
    );
    expect(await refused('git:')).toContain('Expected a branch, tag or commit after git:');
    expect(rig.metricReads()).toBe(0);
  });
});
