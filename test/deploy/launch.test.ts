import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LAUNCH_ENVIRONMENT, LAUNCH_FLAGS } from '../bench/compiled.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** What V8 and the C library read at the start of a process only, so that nobody but who starts it can say it. */
describe('a worker is started with little memory for garbage', () => {
  const flags = LAUNCH_FLAGS.join(' ');
  const environment = Object.entries(LAUNCH_ENVIRONMENT).map((pair) => pair.join('='));

  it.each([
    ['by its own command', 'src/cli/main.ts', `#!/usr/bin/env -S node ${flags}\n`],
    ['by npm', 'package.json', `"gatewatch": "node ${flags} `],
    ['by systemd', 'deploy/gatewatch.service', `ExecStart=/usr/bin/node ${flags} /opt/`],
    ['in a container', 'deploy/Dockerfile', `ENTRYPOINT ["node", "${LAUNCH_FLAGS.join('", "')}", `],
  ])('%s', (_, path, said) => {
    expect(read(path)).toContain(said);
  });

  it.each([
    ['systemd', 'deploy/gatewatch.service', 'Environment='],
    ['a container', 'deploy/Dockerfile', 'ENV '],
  ])('with the environment that the benchmark measures, by %s', (_, path, keyword) => {
    for (const pair of environment) expect(read(path)).toContain(`\n${keyword}${pair}\n`);
  });
});
