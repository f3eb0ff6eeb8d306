import { expect, it } from 'vitest';
import { FLEET } from '../../src/sandbox/fleet.ts';
import { createMetricBook } from '../../src/sandbox/metric-points.ts';

/** Dimension sets of one API when its stages publish detailed metrics: AWS developer guide, "metrics and dimensions". */
function detailedNames(name: string): readonly string[] {
  const fleet = FLEET.filter((api) => api.name === name).map((api) => ({
    ...api,
    stages: api.stages.map((stage) => ({ ...stage, detailedMetrics: true })),
  }));
  const names = createMetricBook(fleet).series.map(({ dimensions }) =>
    Object.keys(dimensions).sort().join(','),
  );
  return [...new Set(names)].sort();
}

it.each([
  ['orders-api', ['ApiName', 'ApiName,Method,Resource,Stage', 'ApiName,Stage']],
  ['payments-http', ['ApiId', 'ApiId,Method,Resource,Stage', 'ApiId,Stage']],
  ['chat-ws', ['ApiId', 'ApiId,Route,Stage', 'ApiId,Stage']],
])('%s publishes the dimensions of its protocol', (name, expected) => {
  expect(detailedNames(name)).toEqual(expected);
});
