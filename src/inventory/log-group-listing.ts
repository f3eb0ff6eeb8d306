import type { AwsClients } from '../aws/aws-clients.ts';
import type { AwsScope } from '../aws/aws-settings.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { LogGroupFacts, LogGroupRef } from '../model/inventory.ts';

/**
 * How long each log group is kept and since when it exists. Only what is known is told: without the permission to ask,
 * time that has expired is read as empty and nobody can say that something is missing, so that is said once.
 */
export class LogGroupListing {
  readonly #client: Pick<AwsClients, 'describeLogGroups'>;
  readonly #logger: Logger;
  readonly #facts = new Map<string, ReadonlyMap<string, LogGroupFacts>>();
  readonly #said = new Set<string>();

  constructor(options: {
    readonly client: Pick<AwsClients, 'describeLogGroups'>;
    readonly logger: Logger;
  }) {
    this.#client = options.client;
    this.#logger = options.logger;
  }

  factsOf(group: LogGroupRef): LogGroupFacts {
    return this.#facts.get(keyOf(group))?.get(group.logGroup) ?? {};
  }

  /** Asks again for each group. What cannot be asked keeps its last answer. Throws only the signal's reason. */
  async refresh(groups: readonly LogGroupRef[], signal: AbortSignal): Promise<void> {
    const scopes = new Map<string, AwsScope>();
    for (const group of groups) scopes.set(keyOf(group), { account: group.account, region: group.region });
    const asked = [...scopes].map(([key, scope]) => {
      const names = groups.filter((group) => keyOf(group) === key).map(({ logGroup }) => logGroup);
      return this.#refreshScope(key, scope, names, signal);
    });
    await Promise.all(asked);
  }

  async #refreshScope(
    key: string,
    { account, region }: AwsScope,
    logGroups: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    try {
      this.#facts.set(key, await this.#client.describeLogGroups({ account, region, logGroups, signal }));
      this.#said.delete(key);
    } catch (error) {
      signal.throwIfAborted();
      if (this.#said.has(key)) return;
      this.#said.add(key);
      this.#logger.warn(
        { account, region, reason: messageOf(error) },
        'how long log groups are kept could not be asked: time that expired unread cannot be told from quiet time',
      );
    }
  }
}

function keyOf({ account, region }: AwsScope): string {
  return `${account}/${region}`;
}
