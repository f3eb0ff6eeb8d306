import { openAt, type Scene, type Story } from '../story.ts';

/** A minute after the process before it was last heard of. */
export const TAKEN_OVER_MS = Date.UTC(2026, 10, 22, 10, 1);

/** Takes a journal from a process that lives, but has not renewed its lease for long. */
export const story: Story = {
  prepare: async () => {},
  run: async (scene: Scene) => {
    const journal = await openAt(scene, TAKEN_OVER_MS);
    await journal.close();
  },
  findings: async () => [],
};
