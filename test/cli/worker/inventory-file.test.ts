import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { InventoryFile } from '../../../src/cli/worker/inventory-file.ts';
import { RecordingLogger } from '../../support/recorders.ts';

let folder: string;
const logger = new RecordingLogger();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatewatch-inventory-'));
  logger.lines.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('keeps what was listed for the next worker, and for nobody else', () => {
  const path = join(folder, 'journal.db');
  expect(new InventoryFile(path, logger).read()).toBeUndefined();
  new InventoryFile(path, logger).write('what was listed');
  expect(new InventoryFile(path, logger).read()).toBe('what was listed');
  expect(statSync(`${path}.inventory`).mode & 0o777).toBe(0o600);
  expect(logger.lines).toEqual([]);
});

it('says what cannot be kept or read, and stops nobody', () => {
  new InventoryFile(join(folder, 'missing', 'journal.db'), logger).write('what was listed');
  expect(logger.lines.map(({ message }) => message)).toEqual([
    expect.stringContaining('could not be written'),
  ]);
  new InventoryFile(join(folder, 'a file', 'journal.db'), logger).read();
  new InventoryFile(`${folder}\0`, logger).read();
  expect(logger.lines.at(-1)?.message).toContain('could not be read');
});
