import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { alarmJsonSchema } from '../../src/alarms/format/json-schema.ts';
import { misfits } from '../support/json-schema.ts';
import { ERRORS, exampleFiles, problemsOf, setWith } from './files.ts';

const COMMITTED = new URL('../../alarms/schema/gatewatch.v1.json', import.meta.url);
const schema = alarmJsonSchema();

it('is the file that editors read (write it anew with `gatewatch alarms schema`)', () => {
  expect(JSON.parse(readFileSync(COMMITTED, 'utf8'))).toEqual(schema);
});

it.each(Object.entries(exampleFiles()))('takes %s, which names it in its first line', (path, text) => {
  expect(misfits(schema, parse(text))).toEqual([]);
  const folder = path.includes('/') ? '../' : '';
  expect(text.split('\n')[0]).toBe(`# yaml-language-server: $schema=${folder}schema/gatewatch.v1.json`);
});

it.each([
  ['Period: 90', 'Period'],
  ['Periood: 60', 'Periood'],
  ['treatMissingData: breaching', 'treatMissingData'],
  ['TreatMissingData: notbreaching', 'TreatMissingData'],
  ['Statistic: p99', 'Statistic'],
  ['severity: critical', 'severity'],
  ['suppress: { by: deploy, wait: soon }', 'wait'],
])('refuses %s, as the loader does', (field, name) => {
  const files = setWith(ERRORS.replace('Statistic: Average, ', '').replace(' }', `, ${field} }`));
  expect(problemsOf(files)).toEqual([expect.stringContaining(name)]);
  expect(misfits(schema, parse(files['core.yaml'] ?? ''))).toEqual([
    expect.stringContaining(`/spec/alarms/0/${name === 'wait' ? 'suppress/wait' : name}`),
  ]);
});

it('refuses a file of an unknown kind, and one of a kind with the fields of another', () => {
  expect(
    misfits(schema, { apiVersion: 'gatewatch/v1', kind: 'AlarmSett', metadata: { name: 'a' }, spec: {} }),
  ).toEqual(['/kind: enum']);
  const mute = {
    apiVersion: 'gatewatch/v1',
    kind: 'MuteRule',
    metadata: { name: 'a' },
    spec: { receivers: [] },
  };
  expect(misfits(schema, mute)).toEqual(['/spec: required', '/spec/receivers: not allowed']);
});

it('takes references and expressions where the loader does', () => {
  const files = setWith(ERRORS.replace('0.05', '"${vars.ratio}"').replace('3', '"${vars.periods}"'));
  expect(problemsOf(files)).toEqual([]);
  expect(misfits(schema, parse(files['core.yaml'] ?? ''))).toEqual([]);
});
