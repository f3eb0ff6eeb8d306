import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const linesOf = (path: string) =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

it('the builder of the image is sent what its Dockerfile copies, and nothing else', () => {
  const copied = linesOf('deploy/Dockerfile')
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
    .flatMap((line) => line.split(' ').slice(1, -1));
  const [everything, ...taken] = linesOf('.dockerignore');
  expect(everything).toBe('*');
  expect(copied).toContain('src');
  expect(taken.sort()).toEqual([...new Set(copied)].map((path) => `!${path}`).sort());
});
