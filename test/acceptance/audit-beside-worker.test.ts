import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAuditCommand } from '../../src/cli/commands/audit.ts';
import { createSystemContext } from '../../src/cli/system-context.ts';
import type { TruthRequest } from '../../src/sandbox/world.ts';
import { openJournalReader } from '../../src/store/open-journal.ts';
import { RehearsedFleet } from '../pipeline/rehearsed-runtime.ts';
import { until } from '../support/fake-clock.ts';

let fleet: RehearsedFleet;
beforeAll(async () => {
  fleet = await RehearsedFleet.start({
    minutes: 3,
    ratePerSecond: 8,
    historyToMs: Date.UTC(2026, 10, 22, 10, 0),
  });
});
afterAll(() => fleet.dispose());

/** Runs `gatewatch audit …` in the folder of the rehearsal and returns what it printed. */
async function audit(...args: string[]): Promise<string> {
  let printed = '';
  const context = {
    ...createSystemContext(),
    cwd: fleet.folder,
    stderr: { write: () => undefined },
    setExitCode: () => undefined,
    stdout: {
      write: (text: string) => {
        printed += text;
      },
    },
  };
  await createAuditCommand(context, openJournalReader).parseAsync(args, { from: 'user' });
  return printed;
}

function truthOf(scenario: string): TruthRequest {
  for (const row of fleet.rehearsal.world.truth(fleet.nowMs)) {
    if (row.type === 'request' && row.scenario === scenario && row.customer !== 'unknown') return row;
  }
  throw new Error(`Expected a request of the scenario ${scenario} with a customer`);
}

it('a customer and a principal are found by their clear names while the worker runs', async () => {
  writeFileSync(join(fleet.folder, 'gatewatch.yaml'), fleet.configText('audit.db'));
  const runtime = await fleet.runtime('audit.db');
  const stop = new AbortController();
  const running = runtime.worker.run(stop.signal);
  const wanted = truthOf('allow_miss');
  const query = ['query', '--customer', wanted.customer, '--format', 'jsonl', '--limit', '1000'];
  const named = () => audit(...query).then((text) => text.includes(wanted.extendedRequestId));
  await until(named, 'the request is found by its customer');

  const found = (await audit(...query))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const pseudonym = runtime.redactor.pseudonym('customer', wanted.customer);
  expect(new Set(found.map(({ customer }) => customer))).toEqual(new Set([pseudonym]));
  expect(await audit('query', '--customer', 'nobody-of-that-name', '--format', 'jsonl')).toBe('');
  const record = found.find(({ extendedRequestId }) => extendedRequestId === wanted.extendedRequestId);
  const byPrincipal = await audit(
    'query',
    '--principal',
    wanted.principal ?? '',
    '--format',
    'jsonl',
    '--limit',
    '1000',
  );
  expect(byPrincipal).toContain(record.recordId);

  const lanesDone = async () => (await runtime.journal.lanes()).every(({ pending }) => pending === 0);
  await until(lanesDone, 'everything is delivered');
  const story = await audit('show', record.recordId);
  expect(story).toContain(wanted.extendedRequestId);
  expect(story).toContain(wanted.decisionRequestId ?? 'a decision');
  for (const sink of ['splunk', 'dynatrace']) expect(story).toMatch(new RegExp(`${sink}.*delivered`));
  for (const { eventId } of wanted.authorizer) expect(story).toContain(eventId);
  expect(story).not.toContain(wanted.customer);
  stop.abort(new Error('the test is over'));
  await running;
}, 60_000);
