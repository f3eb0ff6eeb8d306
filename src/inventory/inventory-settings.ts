import type { AccountSettings } from '../aws/aws-settings.ts';
import { UserError } from '../core/errors.ts';
import type { LogGroupRef } from '../model/inventory.ts';

/** A rule matches a stage when everything it names matches; patterns know `*` and `?`. */
export interface StageRule {
  readonly name?: string | undefined;
  readonly stage?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

export interface EarlierFormat {
  /** API name or id, as a pattern. */
  readonly api: string;
  readonly stage: string;
  readonly format: string;
}

/** Where the authorizers that match log, when not in the default group. First match wins, with or without a group. */
export interface AuthorizerLogRule {
  readonly match: { readonly name?: string | undefined; readonly function?: string | undefined };
  readonly logGroup?: LogGroupRef | undefined;
}

export interface InventorySettings {
  /** Empty: every stage. */
  readonly include: readonly StageRule[];
  readonly exclude: readonly StageRule[];
  readonly earlierFormats: readonly EarlierFormat[];
  readonly authorizers: readonly AuthorizerLogRule[];
}

/** The parts of a configuration that discovery reads; an authorizer's log group names its account by `accounts` key. */
export interface InventoryConfigParts {
  readonly inventory: Pick<InventorySettings, 'include' | 'exclude'>;
  readonly accessLogs: { readonly earlierFormats: readonly EarlierFormat[] };
  readonly authorizers: readonly {
    readonly match: AuthorizerLogRule['match'];
    readonly logGroup?:
      | { readonly account: string; readonly region: string; readonly name: string }
      | undefined;
  }[];
}

/** Throws a `UserError` for a log group in an account that is not listed. */
export function inventorySettingsOf(
  config: InventoryConfigParts,
  accounts: readonly AccountSettings[],
): InventorySettings {
  const idByName = new Map(accounts.map((account) => [account.name, account.accountId]));
  return {
    include: config.inventory.include,
    exclude: config.inventory.exclude,
    earlierFormats: config.accessLogs.earlierFormats,
    authorizers: config.authorizers.map(({ match, logGroup }) => {
      if (logGroup === undefined) return { match };
      const account = idByName.get(logGroup.account);
      if (account === undefined) throw unknownAccountName(logGroup.account, [...idByName.keys()]);
      return { match, logGroup: { account, region: logGroup.region, logGroup: logGroup.name } };
    }),
  };
}

function unknownAccountName(name: string, known: readonly string[]): UserError {
  return new UserError(
    'unknown_account',
    `Expected authorizers[].logGroup.account to be one of ${known.join(', ')}, got ${name}: add it under \`accounts\``,
  );
}
