import { expect, test } from 'vitest';
import { createEnvResolver, createFileResolver, resolveReferences } from '../../src/documents/references.ts';
import { parseYaml } from '../../src/documents/yaml-document.ts';

const FILES: Readonly<Record<string, string>> = {
  '/conf/a.txt': 'from a\n',
  '/abs/b.txt': 'from b\r\n',
  '/conf/n': '\n\n',
};

function resolve(value: string) {
  const parsed = parseYaml({ file: 'a.yaml', text: `key: ${JSON.stringify(value)}\n` });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const resolvers = new Map([
    ['env', createEnvResolver({ NAME: 'value', EMPTY: '', NESTED: '${env:NAME}' })],
    ['file', createFileResolver('/conf', readFixture)],
  ]);
  return resolveReferences(parsed.document, resolvers);
}

function readFixture(path: string): string {
  const text = FILES[path];
  if (text === undefined) throw new Error(`ENOENT: ${path}`);
  return text;
}

test.each([
  ['${env:NAME}', 'value'],
  ['a-${env:NAME}-${env:NAME}-b', 'a-value-value-b'],
  ['${env:EMPTY}', ''],
  ['${file:a.txt}', 'from a'],
  ['${file:/abs/b.txt}', 'from b'],
  ['${file:n}', '\n'],
  ['$${env:NAME}', '${env:NAME}'],
  ['$$${env:NAME}', '$${env:NAME}'],
  ['$context.requestId {x}', '$context.requestId {x}'],
  ['${env:NESTED}', '${env:NAME}'],
])('%j becomes %j', (written, expected) => {
  const { value, problems } = resolve(written);
  expect(problems).toEqual([]);
  expect(value).toEqual({ key: expected });
});

test.each([
  ['${env:NOPE}', 'environment variable NOPE to be set'],
  ['${env:toString}', 'environment variable toString to be set'],
  ['${env:A B}', 'the name of an environment variable'],
  ['${file:missing}', 'a readable file /conf/missing'],
  ['${vault:x}', '${env:…} or ${file:…}'],
  ['${NAME}', '${env:…} or ${file:…}'],
  ['${env:', '${env:…} or ${file:…}'],
  ['${}', '${env:…} or ${file:…}'],
])('%j is a problem at its place', (written, expected) => {
  expect(resolve(written).problems).toMatchObject([{ line: 1, column: 6, path: 'key', expected }]);
});
