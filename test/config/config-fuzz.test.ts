import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { EXAMPLE_CONFIG, loadText } from './example-config.ts';

const RUNS = 200;

function expectProblemsOrConfig(text: string): void {
  const result = loadText(text);
  if (result.ok) return;
  expect(result.problems.length).toBeGreaterThan(0);
  for (const problem of result.problems) {
    expect(problem.line).toBeGreaterThanOrEqual(1);
    expect(problem.column).toBeGreaterThanOrEqual(1);
    expect(problem.expected && problem.got && problem.remedy).not.toBe('');
  }
}

test('any text gives problems or a configuration, and never throws', () => {
  const yamlish = fc.string({
    unit: fc.constantFrom(
      ...'ab:- \n\t{}[],&*!|>%@`"\'#?~$1.',
      'accounts:',
      '${env:',
      '__proto__',
      '<<: ',
      '\u0000',
      '\ud800',
    ),
    maxLength: 120,
  });
  fc.assert(fc.property(fc.oneof(yamlish, fc.string({ unit: 'binary' })), expectProblemsOrConfig), {
    numRuns: RUNS,
  });
});

test('any value in any section gives problems or a configuration, and never throws', () => {
  const names = Object.keys(parse(EXAMPLE_CONFIG));
  const value = fc.jsonValue({ maxDepth: 4 });
  const property = fc.property(fc.constantFrom(...names, 'other'), value, (name, replacement) => {
    expectProblemsOrConfig(stringify({ ...parse(EXAMPLE_CONFIG), [name]: replacement }));
  });
  fc.assert(property, { numRuns: RUNS });
});

test('cutting the file anywhere gives problems or a configuration, and never throws', () => {
  const cut = fc.tuple(fc.nat(EXAMPLE_CONFIG.length), fc.nat(40));
  const property = fc.property(cut, ([at, length]) => {
    expectProblemsOrConfig(EXAMPLE_CONFIG.slice(0, at) + EXAMPLE_CONFIG.slice(at + length));
  });
  fc.assert(property, { numRuns: RUNS });
});
