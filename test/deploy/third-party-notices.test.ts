import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { thirdPartyNotices } from '../../deploy/third-party-notices.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gatewatch-notices-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Writes a package with these files and returns the path of each. */
function packageWith(name: string, license: string | undefined, files: Readonly<Record<string, string>>) {
  const folder = join(root, 'node_modules', name);
  const all = { ...files, 'package.json': JSON.stringify({ name, version: '1.0.0', license }) };
  for (const [file, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  return (file: string) => join(folder, file);
}

it('prints what a package says of itself and of code that it took over, where that is in the bundle', () => {
  const taken = packageWith('taken', 'MIT', {
    LICENSE: 'of the package',
    'lib/fetch/LICENSE.md': 'of its fetch',
    'lib/fetch/deep/body.js': '',
    'lib/unused/LICENSE': 'of what is not bundled',
    'LICENSES/shim/LICENSE': 'of its shim',
  });
  const notices = thirdPartyNotices([taken('index.js'), taken('lib/fetch/deep/body.js'), '/src/ours.ts']);
  for (const whose of ['the package', 'its shim', 'its fetch']) {
    expect(notices).toContain(`taken 1.0.0 (MIT)\n\nof ${whose}\n`);
  }
  expect(notices).not.toContain('not bundled');
});

it('prints a text that packages share once, below all of them, nested ones by their own', () => {
  const [a, b] = ['a', 'b'].map((name) => packageWith(name, 'ISC', { LICENSE: 'the same' }));
  const inner = packageWith('a/node_modules/@of/c', 'BSD-3-Clause', { 'COPYING.txt': 'another' });
  const notices = thirdPartyNotices([b?.('x.js') ?? '', a?.('y.js') ?? '', inner('z.js')]);
  expect(notices).toMatch(/a 1\.0\.0 \(ISC\)\nb 1\.0\.0 \(ISC\)\n\nthe same\n/);
  expect(notices).toContain('a/node_modules/@of/c 1.0.0 (BSD-3-Clause)\n\nanother\n');
});

it('points to the common text for a package without a file, and refuses one whose terms are its own', () => {
  const common = packageWith('common', 'Apache-2.0', {});
  expect(thirdPartyNotices([common('x.js')])).toContain('common 1.0.0 (Apache-2.0)\n\nNo licence file comes');
  const own = packageWith('own', 'MIT', {});
  expect(() => thirdPartyNotices([own('x.js')])).toThrow(/Expected a licence file in .*own, got none/);
  const none = packageWith('none', undefined, { LICENSE: 'text' });
  expect(() => thirdPartyNotices([none('x.js')])).toThrow(/Expected a licence in .*none\/package\.json/);
});
