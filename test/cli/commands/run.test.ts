import { expect, it } from 'vitest';
import { leftText } from '../../../src/cli/commands/run.ts';

it('says of what a single run leaves undone what ended it: a person, its deadline, or neither', () => {
  const going = new AbortController().signal;
  const over = (reason: string) => AbortSignal.abort(new Error(reason));
  const left = ['lane splunk is held', 'lane dynatrace is not drained'];
  const text = (stop: AbortSignal, timeUp: AbortSignal) =>
    leftText(left, { stop, timeUp, deadlineMs: 20_000 }).split('\n');
  expect(text(going, going)).toEqual([
    'Not everything was done:',
    '  lane splunk is held',
    '  lane dynatrace is not drained',
    '',
  ]);
  expect(text(going, over('timeout'))[0]).toBe('Not everything was done within 20s (--deadline):');
  expect(text(over('Stopped by SIGINT'), going)[0]).toBe('Not everything was done (Stopped by SIGINT):');
});
