import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { closing } from '../sandbox/started-sandbox.ts';
import { ERRORS, setWith } from './files.ts';
import { runAlarmsCommand } from './sandbox-clients.ts';

function validate(alarm: string, ...more: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'gatewatch-validate-'));
  closing({ close: () => rmSync(folder, { recursive: true }) });
  mkdirSync(join(folder, 'alarms'));
  writeFileSync(join(folder, 'alarms', 'core.yaml'), setWith(alarm)['core.yaml'] ?? '');
  return runAlarmsCommand(folder, () => 0, ['validate', ...more]);
}

it('validate says of each mistake once where it stands, whatever number of stages it shows on', async () => {
  expect(await validate(ERRORS)).toEqual({ code: 0, err: '', out: '1 file is valid.\n' });
  const typo = await validate(ERRORS.replace('0.05', '"${vars.limt}"'));
  expect(typo).toMatchObject({ code: 1, out: '' });
  expect(typo.err).toMatch(/^alarms\/core\.yaml:7:1 .*limt.*\n$/);
  const percent = await validate(ERRORS.replace('0.05', '5'));
  expect(percent).toMatchObject({ code: 1, err: '' });
  expect(percent.out).toMatch(/^alarms\/core\.yaml:7 +core\/errors +error: .* \[impossible-threshold\]\n$/);
  // A warning is told and is no failure.
  const unit = await validate(ERRORS.replace(' }', ', Unit: Count }'));
  expect(unit).toMatchObject({ code: 0, out: expect.stringMatching(/\[unit-set\]\n1 file is valid\.\n$/) });
});

it('validate tells the same to machines', async () => {
  const { out, code } = await validate(ERRORS.replace('0.05', '5'), '--json');
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({
    files: 1,
    problems: [],
    findings: [{ rule: 'impossible-threshold', id: 'core/errors', file: 'alarms/core.yaml', line: 7 }],
  });
  const typo = JSON.parse((await validate('{ id: a, Periood: 60 }', '--json')).out);
  expect(typo).toMatchObject({
    problems: [{ file: 'alarms/core.yaml', line: 7, remedy: 'did you mean Period?' }],
    findings: [],
  });
});
