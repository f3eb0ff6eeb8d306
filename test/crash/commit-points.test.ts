import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Collector, startCollector } from './commit-points/collector.ts';
import { commitSites } from './commit-points/commit-sites.ts';
import { killPlaying } from './commit-points/kill-story.ts';
import {
  CHAINS,
  type Chain,
  COMMITTED_AT,
  KILLED_AS_WORKER,
  type Kill,
  NOT_KILLED,
  siteOf,
  TAKING_OVER,
} from './commit-points/kills.ts';
import { story as delivering } from './commit-points/stories/delivering.ts';
import { story as keeping } from './commit-points/stories/keeping.ts';
import { story as listing } from './commit-points/stories/listing.ts';
import { story as ordering } from './commit-points/stories/ordering.ts';
import { story as rebuilding } from './commit-points/stories/rebuilding.ts';
import { story as starting } from './commit-points/stories/starting.ts';
import { TAKEN_OVER_MS, story as takingOver } from './commit-points/stories/taking-over.ts';
import { openAt, type Scene, type Story } from './commit-points/story.ts';

const STORIES: Readonly<Record<Chain['story'], Story>> = {
  delivering,
  keeping,
  listing,
  ordering,
  rebuilding,
  starting,
  'taking-over': takingOver,
};
/** What a writer that lives keeps others out for, and a little. */
const LEASE_MS = 16_000;

let collector: Collector;
let scene: Scene;
beforeEach(async () => {
  collector = await startCollector();
  scene = { folder: mkdtempSync(join(tmpdir(), 'gatewatch-kills-')), url: collector.url };
});
afterEach(async () => {
  await collector.close();
  rmSync(scene.folder, { recursive: true, force: true });
});

/** Has a process die, and looks whether that was where it should. */
async function kill(story: Chain['story'], where: Kill): Promise<void> {
  const sites = await killPlaying(story, where, scene);
  const site = siteOf(where);
  expect(sites).toEqual(expect.arrayContaining([site, COMMITTED_AT[site] ?? site]));
}

describe('killed with SIGKILL behind each step on the disk, one process after the other', () => {
  it.each(CHAINS)(
    'FT-01 a worker that $title loses nothing, doubles nothing, leaves nothing lying',
    async ({ story, kills }) => {
      await STORIES[story].prepare(scene);
      for (const where of kills) await kill(story, where);
      await STORIES[story].run(scene);
      expect(await STORIES[story].findings(scene, collector.taken())).toEqual([]);
    },
    60_000,
  );

  it('FT-35 whoever took the journal over and died has fenced the one before, and keeps it for its lease alone', async () => {
    const stopped = await openAt(scene, TAKEN_OVER_MS - 60_000);
    await kill('taking-over', TAKING_OVER);
    expect(await stopped.renewLease()).toBe('fenced');
    await expect(openAt(scene, TAKEN_OVER_MS + 1)).rejects.toMatchObject({ code: 'journal_in_use' });
    const next = await openAt(scene, TAKEN_OVER_MS + LEASE_MS);
    expect(next.epoch).toBe(stopped.epoch + 2);
    await stopped.close();
    expect(await next.renewLease()).toBe('renewed');
    await next.close();
  }, 60_000);

  it('covers every place where the product commits, or writes, renames or removes a file', () => {
    const killed = CHAINS.flatMap(({ kills }) => kills.map(siteOf));
    const known = [
      ...killed,
      ...Object.values(COMMITTED_AT),
      ...KILLED_AS_WORKER,
      ...Object.keys(NOT_KILLED),
    ];
    expect(
      commitSites()
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual([...new Set(known)].toSorted());
  });
});
