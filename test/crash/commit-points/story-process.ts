import type { CommitSite } from './commit-sites.ts';
import { killAt } from './kill-at.ts';
import type { Scene, Story } from './story.ts';

/** What the test tells the process that it starts. */
export interface StoryOrders extends Scene {
  /** File in `stories`. */
  readonly story: string;
  /** Name of the site, and how often it is passed before the process dies there. */
  readonly site: string;
  readonly nth: number;
  /** Every site of the product. */
  readonly sites: readonly CommitSite[];
}

/** Plays a story until it dies at a site. Ends with code 0 when it came to the end alive. */
const orders: StoryOrders = JSON.parse(process.argv[2] ?? '{}');
const { story }: { readonly story: Story } = await import(`./stories/${orders.story}.ts`);
killAt(orders.site, orders.nth, orders.sites);
await story.run(orders);
