import type { AlarmFiles } from '../../alarms/format/load-alarm-files.ts';
import { planAlarms } from '../../alarms/plan-alarms.ts';
import { asksForTimeouts } from '../../alarms/preset-needs.ts';
import type { AlarmClients } from '../../aws/alarm-clients.ts';
import type { AccountSettings } from '../../aws/aws-settings.ts';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Meter } from '../../core/meter.ts';
import { withIntegrationTimeouts } from '../../inventory/integration-timeouts.ts';
import type { Inventory } from '../../model/inventory.ts';
import { findDrift } from '../alarms/drift.ts';

export interface DriftCheckOptions {
  /** The files as they are now. Throws when they have errors. */
  readonly loadFiles: () => AlarmFiles;
  readonly inventory: () => Inventory | undefined;
  readonly client: AlarmClients;
  readonly accounts: readonly Pick<AccountSettings, 'accountId' | 'regions'>[];
  /** `alarms.muteRules`. */
  readonly muteRules?: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
}

/** Compares alarms with what was applied to them. It says what it finds and changes nothing. */
export class DriftCheck {
  readonly #options: DriftCheckOptions;
  /** Changes that were said, so that each is said once. */
  #said: ReadonlySet<string> = new Set();
  #remark: { readonly sinceMs: number; readonly sentence: string } | undefined;

  constructor(options: DriftCheckOptions) {
    this.#options = options;
  }

  /** What people should know, as a sentence; absent while all alarms are as they were applied. */
  get remark(): { readonly sinceMs: number; readonly sentence: string } | undefined {
    return this.#remark;
  }

  async run(signal: AbortSignal): Promise<void> {
    const inventory = this.#options.inventory();
    if (inventory === undefined) return;
    try {
      await this.#check(inventory, signal);
    } catch (error) {
      if (signal.aborted) return;
      const reason = messageOf(error);
      this.#options.logger.warn({ reason }, 'alarms could not be compared with what was applied');
      this.#remind(
        `Alarms could not be compared with what was applied (${reason}): mend that, it is tried again by itself.`,
      );
    }
  }

  async #check(inventory: Inventory, signal: AbortSignal): Promise<void> {
    const { loadFiles, client: clients, accounts, clock, logger, meter, muteRules } = this.#options;
    const scopes = accounts.flatMap(({ accountId: account, regions }) =>
      regions.map((region) => ({ account, region })),
    );
    const files = loadFiles();
    const plan = await planAlarms({
      files,
      inventory: asksForTimeouts(files)
        ? await withIntegrationTimeouts(inventory, (call) => clients.listIntegrations(call), signal)
        : inventory,
      clients,
      scopes,
      signal,
      ...(muteRules === undefined ? {} : { muteRules }),
    });
    const drift = await findDrift(plan, { clients, nowMs: clock.now(), signal });
    for (const { account, region } of scopes) {
      if (plan.partial.has(`${account}/${region}`)) continue;
      const count = drift.filter((one) => one.account === account && one.region === region).length;
      meter.gauge('gatewatch_alarm_drift', count, { account, region });
    }
    const said = new Set<string>();
    for (const { kind, ...one } of drift) {
      const fields = one.fields.map(({ property }) => property);
      const key = JSON.stringify(one);
      said.add(key);
      if (!this.#said.has(key))
        logger.warn({ ...one, fields, drift: kind }, 'an alarm is not as it was applied');
    }
    this.#said = said;
    const names = drift.map(({ name }) => name).slice(0, NAMED);
    if (drift.length === 0 && plan.partial.size === 0) this.#remark = undefined;
    else if (drift.length > 0)
      this.#remind(
        `${drift.length === 1 ? '1 alarm is' : `${drift.length} alarms are`} not as applied (${names.join(', ')}${drift.length > NAMED ? ', …' : ''}): see \`gatewatch alarms drift\`; nothing is set back by itself.`,
      );
    else
      this.#remind(
        `Alarms of ${[...plan.partial.keys()].join(', ')} could not be compared with what was applied.`,
      );
  }

  #remind(sentence: string): void {
    const sinceMs = this.#remark?.sinceMs ?? this.#options.clock.now();
    this.#remark = { sinceMs, sentence };
  }
}

/** How many are named: enough to start from. */
const NAMED = 5;
