import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { closing } from '../sandbox/started-sandbox.ts';
import { ERRORS, setWith } from './files.ts';
import { runAlarmsCommand } from './sandbox-clients.ts';

const CLIENT = ERRORS.replace('id: errors', 'id: client').replace('errors.server', 'errors.client');
const FILES = {
  ...setWith(`${ERRORS.replace(' }', ', severity: page, AlarmActions: ["arn:x"] }')}
    - ${CLIENT.replace(' }', ', severity: ticket }')}
    - { id: impact, rule: "ALARM(errors)", severity: info }`),
  'routing.yaml': `apiVersion: gatewatch/v1
kind: Routing
metadata: { name: r }
spec:
  receivers: [{ name: nobody }, { name: oncall, sns: "arn:a" }, { name: backlog, sns: "arn:b" }]
  route:
    receiver: nobody
    routes: [{ matchers: ['severity="page"'], receiver: oncall }, { matchers: ['severity="ticket"'], receiver: backlog }]
`,
};

const testFile = (expectation: string, values = '0x4 1x9 0x9') => `apiVersion: gatewatch/v1
kind: AlarmTest
metadata: { name: t }
spec:
  files: [core.yaml]
  tests:
    - name: the test
      input_series:
        - { series: errors.server, stat: Average, values: "${values}" }
        - { series: errors.client, stat: Average, values: "0x20" }
      alarm_test: [${expectation}]
`;

async function report(tests: string) {
  const folder = mkdtempSync(join(tmpdir(), 'gatewatch-tests-'));
  closing({ close: () => rmSync(folder, { recursive: true }) });
  mkdirSync(join(folder, 'alarms'));
  for (const [name, text] of Object.entries({ ...FILES, 'core.test.yaml': tests })) {
    writeFileSync(join(folder, 'alarms', name), text);
  }
  const run = (...more: readonly string[]) => runAlarmsCommand(folder, () => 0, ['test', ...more]);
  return { text: (await run()).out, json: JSON.parse((await run('--json')).out) };
}

it('lists every alarm without a written test, whatever generated checks it has', async () => {
  const { text, json } = await report(testFile('{ alarm: errors, max_fires: 1 }'));
  expect(json.coverage).toMatchObject({
    tested: ['core/errors'],
    untested: ['core/client', 'core/impact'],
    neverFire: [],
    neverClear: [],
    unreached: ['backlog'],
  });
  expect(text).toContain('no test of yours looks at: core/client, core/impact\n');
  expect(text).toContain('is told in no test of yours: backlog\n');
  // Three for each metric alarm and protocol; they make nothing tested.
  expect(text).toContain('tests of yours look at 1 of 3 alarms; 18 of 18 generated checks hold.');
});

it('tells alarms that fire in no test, and those that fire and never clear', async () => {
  const both =
    '{ alarm: errors, max_fires: 1 }, { alarm: client, max_fires: 0 }, { alarm: impact, max_fires: 1 }';
  expect((await report(testFile(both))).json.coverage).toMatchObject({
    untested: [],
    neverFire: ['core/client'],
    neverClear: [],
  });
  const { text } = await report(testFile(both, '0x4 1x20'));
  expect(text).toContain('clears in no test of yours: core/errors, core/impact\n');
  expect(text).toContain('fires in no test of yours: core/client\n');
});

it('counts nothing as tested by a test that names no alarm there is, and says what was meant', async () => {
  const { text, json } = await report(testFile('{ alarm: erors, max_fires: 1 }'));
  expect(json.coverage.tested).toEqual([]);
  expect(text).toContain('got erors; did you mean errors?');
});
