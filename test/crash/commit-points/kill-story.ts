import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { commitSites } from './commit-sites.ts';
import type { Chain, Kill } from './kills.ts';
import type { Scene } from './story.ts';
import type { StoryOrders } from './story-process.ts';

const ENTRY = join(import.meta.dirname, 'story-process.ts');

/** Plays a story in a process that dies. Returns the sites that its last step was taken from. */
export function killPlaying(
  story: Chain['story'],
  kill: Kill,
  { folder, url }: Scene,
): Promise<readonly string[]> {
  const [site, nth] = typeof kill === 'string' ? [kill, 1] : kill;
  const orders: StoryOrders = { story, folder, url, site, nth, sites: commitSites() };
  const flags = ['--disable-warning=ExperimentalWarning', ENTRY, JSON.stringify(orders)];
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'pipe'] });
  const out: string[] = [];
  const complaints: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => out.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => complaints.push(text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (signal === 'SIGKILL') return resolve(out.join('').split('\n'));
      const end = code === 0 ? 'it came to its end' : `code ${code}: ${complaints.join('')}`;
      reject(new Error(`Expected a process of ${story} killed at ${site}, got ${end}`));
    });
  });
}
