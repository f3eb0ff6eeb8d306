import { describe, expect, it } from 'vitest';
import { nodeComplaint } from '../../src/cli/node-version.ts';

describe('the Node that runs the command', () => {
  it.each(['v24.15.0', 'v24.15.1', 'v24.21.0', 'v25.0.0', 'v100.1.0', 'v26.0.0-nightly20260901'])(
    '%s is new enough for >=24.15.0',
    (running) => expect(nodeComplaint('>=24.15.0', running)).toBeUndefined(),
  );

  it.each(['v20.20.2', 'v24.2.0', 'v24.14.9', 'v9.99.99'])('%s is told to be too old', (running) => {
    expect(nodeComplaint('>=24.15.0', running)).toBe(
      `Expected Node >= 24.15.0 (engines in package.json of gatewatch), got ${running}: install Node 24.15.0 or newer, or start this with one that is.`,
    );
  });
});
