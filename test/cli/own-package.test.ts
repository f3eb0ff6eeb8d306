import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownPackage } from '../../src/cli/own-package.ts';

describe('our own package', () => {
  let folder: string;
  let below: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'gatewatch-own-'));
    below = join(folder, 'dist/cli');
    mkdirSync(below, { recursive: true });
    writeFileSync(join(folder, 'dist/package.json'), '{"name":"other"}');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is the nearest one above that has our name', () => {
    const manifest = { name: 'gatewatch', version: '1.2.3', engines: { node: '>=24.15.0' } };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    expect(ownPackage(below)).toEqual({ root: folder, version: '1.2.3', node: '>=24.15.0' });
  });

  it('is missed with the name of the folder from which it was searched', () => {
    expect(() => ownPackage(below)).toThrow(
      `Expected the package.json of gatewatch in ${below} or a folder above it, found none`,
    );
  });
});
