import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// Workers, and the processes that tests start, compile each module once between them.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules', '.cache', 'gatewatch-tests');

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // A process for each file would load the same modules two hundred times: a third of the processor time.
    isolate: false,
    setupFiles: ['test/support/restore-environment.ts'],
    // One core is left idle by default, which is half of a machine with two.
    maxWorkers: '100%',
  },
});
