import { readdirSync } from 'node:fs';
import { InventoryFile } from '../../../../src/cli/worker/inventory-file.ts';
import { silentLogger } from '../../../../src/core/logger.ts';
import { differing, journalPath, type Scene, type Story } from '../story.ts';

const OLD = 'what was listed before';
const NEW = `what is listed now ${'and more '.repeat(1_000)}`;

/** Writes down what a listing told. */
export const story: Story = {
  prepare: async (scene) => new InventoryFile(journalPath(scene), silentLogger).write(OLD),
  run: async (scene) => {
    const file = new InventoryFile(journalPath(scene), silentLogger);
    const read = file.read();
    if (read !== OLD && read !== NEW) throw new Error(`Expected one of both listings whole, got ${read}`);
    file.write(NEW);
  },
  findings: async (scene: Scene) => [
    ...differing('the listing', new InventoryFile(journalPath(scene), silentLogger).read(), NEW),
    ...differing('files', readdirSync(scene.folder), ['gatewatch.db.inventory']),
  ],
};
