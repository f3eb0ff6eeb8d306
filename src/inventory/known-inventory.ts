import { z } from 'zod';
import type { AwsScope } from '../aws/aws-settings.ts';
import type { Inventory, StageInventory } from '../model/inventory.ts';
import type { InventorySettings } from './inventory-settings.ts';
import { isSelected } from './selected-stage.ts';

/** Goes up with any change that an earlier release would misread; such a file counts as none. */
const VERSION = 1;

const texts = z.record(z.string(), z.string());
const logGroup = z.object({ account: z.string(), region: z.string(), logGroup: z.string() });

const authorizer = z.object({
  authorizerId: z.string(),
  name: z.string(),
  kind: z.enum(['lambda_token', 'lambda_request', 'jwt', 'cognito', 'iam', 'none']),
  functionName: z.string().exactOptional(),
  logGroup: logGroup.exactOptional(),
  ttlMs: z.number(),
  goneSinceMs: z.number().exactOptional(),
});

const stage = z.object({
  account: z.string(),
  region: z.string(),
  apiId: z.string(),
  apiName: z.string(),
  stage: z.string(),
  protocol: z.enum(['REST', 'HTTP', 'WEBSOCKET']),
  tags: texts,
  accessLogGroup: logGroup.exactOptional(),
  accessLogClass: z.string().exactOptional(),
  accessLogFormat: z.string().exactOptional(),
  earlierFormats: z.array(z.string()),
  detailedMetrics: z.boolean(),
  cacheEnabled: z.boolean().exactOptional(),
  authorizers: z.record(z.string(), authorizer),
  routes: texts,
  integrations: z
    .record(z.string(), z.object({ id: z.string().exactOptional(), timeoutMs: z.number().exactOptional() }))
    .exactOptional(),
  defaultAuthorizer: z.string().exactOptional(),
  goneSinceMs: z.number().exactOptional(),
});

const known = z.object({ version: z.literal(VERSION), stages: z.array(stage) });

/** What a worker that starts again has to know of APIs while they cannot be listed. */
export function knownInventoryText({ stages }: Inventory): string {
  return JSON.stringify({ version: VERSION, stages });
}

/**
 * What was kept, as far as it is watched under the settings of today; when it was listed is not. Undefined where the text is none of this release's.
 */
export function readKnownInventory(
  text: string,
  settings: Pick<InventorySettings, 'include' | 'exclude'>,
  scopes: readonly AwsScope[],
): Inventory | undefined {
  const read = known.safeParse(jsonOf(text));
  if (!read.success) return undefined;
  const isWatched = (one: StageInventory) =>
    isSelected(one, settings) &&
    scopes.some(({ account, region }) => account === one.account && region === one.region);
  return {
    stages: read.data.stages.filter(isWatched),
    complete: false,
    problems: [],
    readMs: 0,
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
