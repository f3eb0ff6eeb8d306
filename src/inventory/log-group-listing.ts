import type { AwsClients } from '../aws/aws-clients.ts';
import type { AwsScope } from '../aws/aws-settings.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { LogGroupFacts, LogGroupRef } from '../model/inventory.ts';
import { STANDARD_CLASS } from './log-group-classes.ts';

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
      const facts = await this.#client.describeLogGroups({ account, region, logGroups, signal });
      this.#facts.set(key, facts);
      this.#said.delete(key);
      this.#tellClasses({ account, region }, facts);
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

  /**
   * Whether CloudWatch lets FilterLogEvents read a group of another class is not published (commonly reported: no). It is
   * tried all the same; what is refused is held with CloudWatch's own words, and this says what they come from.
   */
  #tellClasses(scope: AwsScope, facts: ReadonlyMap<string, LogGroupFacts>): void {
    for (const [logGroup, { logGroupClass = STANDARD_CLASS }] of facts) {
      const key = `${keyOf(scope)}/${logGroup}`;
      if (logGroupClass === STANDARD_CLASS || this.#said.has(key)) continue;
      this.#said.add(key);
      this.#logger.warn(
        { ...scope, logGroup, logGroupClass },
        `a log group is not of class ${STANDARD_CLASS}: CloudWatch may refuse to have it read; if it does, let what writes there write to a new group of class ${STANDARD_CLASS}`,
      );
    }
  }
}

function keyOf({ account, region }: AwsScope): string {
  return `${account}/${region}`;
}
