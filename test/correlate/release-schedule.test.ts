import { expect, it } from 'vitest';
import { defaultCorrelateSettings } from '../../src/correlate/correlate-settings.ts';
import { type Invocation, newInvocation } from '../../src/correlate/invocation.ts';
import { ReleaseSchedule } from '../../src/correlate/release-schedule.ts';
import { invocation } from './scenario.ts';

const T = 1_690_000_000_000;

function invocations(count: number): Invocation[] {
  const [line] = invocation({ id: 'L', startMs: T });
  if (line?.role !== 'authorizer') throw new Error('Expected an authorizer line');
  return Array.from({ length: count }, (_, n) =>
    newInvocation({ ...line, lambdaRequestId: `L${n}` }, T + (n % 7)),
  );
}

it('remembers no deadline of what is settled, however much is read before any is due', () => {
  const schedule = new ReleaseSchedule(defaultCorrelateSettings);
  const all = invocations(60_000);
  const held = new Set(all.filter((_, n) => n % 500 === 0).map(({ key }) => key));
  let most = 0;
  for (const one of all) {
    schedule.addInvocation(one);
    schedule.sweep(({ key }) => held.has(key));
    most = Math.max(most, schedule.size);
  }
  expect(most).toBeLessThan(25_000);
  const due = [...schedule.popOverdue(T + defaultCorrelateSettings.maxHoldMs + 10)].map(({ key }) => key);
  expect(new Set(due.filter((key) => held.has(key)))).toEqual(held);
  const read = [...schedule.popRead(() => Number.POSITIVE_INFINITY)].map(({ key }) => key);
  expect(new Set(read.filter((key) => held.has(key)))).toEqual(held);
});
