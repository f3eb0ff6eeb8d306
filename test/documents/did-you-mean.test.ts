import { expect, test } from 'vitest';
import { didYouMean } from '../../src/documents/did-you-mean.ts';

test.each([
  ['metrcs', 'metrics'],
  ['mertics', 'metrics'],
  ['METRICS', 'metrics'],
  ['log_group', 'logGroup'],
  ['sink', 'sinks'],
  ['zebra', undefined],
  ['', undefined],
  ['m'.repeat(500), undefined],
])('%s suggests %s', (word, expected) => {
  expect(didYouMean(word, ['metrics', 'logGroup', 'sinks', 'server'])).toBe(expected);
});
