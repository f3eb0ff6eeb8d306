import { expect, test } from 'vitest';
import { parseYaml } from '../../src/documents/yaml-document.ts';

function parsed(text: string) {
  const result = parseYaml({ file: 'a.yaml', text });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.document;
}

function problems(text: string) {
  const result = parseYaml({ file: 'a.yaml', text });
  return result.ok ? [] : result.problems;
}

test('every value knows where it and its key stand', () => {
  const document = parsed('a: 1\nmetrics:\n  period: 45s\n  list:\n    - x\n    - { y: z }\n');
  expect(document.positionOf(['metrics', 'period'])).toEqual({ line: 3, column: 11 });
  expect(document.keyPositionOf(['metrics', 'period'])).toEqual({ line: 3, column: 3 });
  expect(document.positionOf(['metrics', 'list', 1, 'y'])).toEqual({ line: 6, column: 12 });
});

test('a path the file does not have stands where its nearest ancestor does', () => {
  const document = parsed('a: 1\nmetrics:\n  period: 45s\n');
  expect(document.positionOf(['metrics', 'settle'])).toEqual({ line: 2, column: 1 });
  expect(document.positionOf(['sinks', 'x'])).toEqual({ line: 1, column: 1 });
});

test.each([
  ['a tab as indentation', 'a:\n\tb: 1\n', { line: 2, got: 'a tab' }],
  ['an unclosed quote', 'a: "b\n', { got: 'none', expected: 'a closing quote, brace, comma or colon' }],
  ['an unclosed list', 'a: [1, 2\nb: 3\n', { line: 2, expected: 'a closing ] before here', got: 'none' }],
  ['an unclosed map', 'a: { x: 1,\nb: 3\n', { line: 2, expected: 'a closing } before here', got: 'none' }],
  ['a line that stands too far left', 'a:\n    b: 1\n  c: 2\n', { line: 3, got: 'a line at another depth' }],
  ['a stray value after a quote', 'a: "b" c\n', { line: 1 }],
  ['a key twice', 'a:\n  b: 1\n  b: 2\n', { line: 3, column: 3, path: 'a.b', expected: 'each key once' }],
  ['__proto__', 'a:\n  __proto__: { x: 1 }\n', { line: 2, path: 'a.__proto__' }],
  ['a map as key', '? [a]\n: b\n', { expected: 'a text as key' }],
  ['an unknown tag', 'a: !foo b\n', { line: 1, expected: 'a value without a tag' }],
  ['a binary value', 'a: !!binary aGk=\n', { line: 1, path: 'a', got: 'another kind of value' }],
  ['a second document', 'a: 1\n---\nb: 2\n', { line: 2, expected: 'one document' }],
  ['an alias of nothing', 'a: *b\n', { expected: 'an alias of an earlier anchor' }],
  ['an alias inside its own anchor', 'a: &a [*a]\n', { got: 'deeper nesting' }],
])('%s is refused with its place', (_, text, expected) => {
  expect(problems(text)).toContainEqual(expect.objectContaining(expected));
});

test('a bomb of nested aliases is refused before it unfolds', () => {
  const levels = ['a: &l0 [x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 9; i++)
    levels.push(
      `k${i}: &l${i} [${Array(9)
        .fill(`*l${i - 1}`)
        .join(', ')}]`,
    );
  expect(problems(levels.join('\n'))).toMatchObject([{ expected: 'at most 50 aliases' }]);
});

test('fifty aliases are followed, fifty-one are refused', () => {
  const withAliases = (count: number) => `a: &a x\nb: [${Array(count).fill('*a').join(', ')}]\n`;
  expect(parsed(withAliases(50)).value).toMatchObject({ b: Array(50).fill('x') });
  expect(problems(withAliases(51))).toMatchObject([{ expected: 'at most 50 aliases' }]);
});

test.each(['[', '{a: ', '- ', '? '])(
  'nesting without end in %j is a problem, not an exhausted stack',
  (opening) => {
    expect(problems(opening.repeat(20_000)).length).toBeGreaterThan(0);
  },
);

test('a file above one megabyte is refused unread', () => {
  expect(problems(`a: ${'x'.repeat(1_048_576)}`)).toMatchObject([
    { expected: 'a file of at most 1048576 bytes' },
  ]);
});

test('maps have no prototype, so a name like constructor is a plain key', () => {
  const { value } = parsed('constructor: 1\n');
  expect(Object.getPrototypeOf(value)).toBeNull();
  expect(value).toEqual(expect.objectContaining({ constructor: 1 }));
});
