import { readDescription } from '../../alarms/describe-alarm.ts';
import type { AlarmClients } from '../../aws/alarm-clients.ts';
import type { AccountSettings } from '../../aws/aws-settings.ts';
import type { Clock } from '../../core/clock.ts';
import type { StageInventory } from '../../model/inventory.ts';
import type { Journal } from '../../model/journal.ts';
import { sampleRequests } from '../../pipeline/alarm-samples.ts';
import { AlarmUnit } from '../../pipeline/alarm-unit.ts';
import type { Ingest } from '../../pipeline/ingest.ts';
import type { Redactor } from '../../redact/redactor.ts';
import { createAlarmChangesSource } from '../../sources/alarm-changes/alarm-changes-source.ts';
import { createAlarmRecords, createAlarmStates } from '../../sources/alarm-changes/alarm-records.ts';

/** One unit for each account and Region, whether an API is known there or not: composites may live apart. */
export function alarmUnits(options: {
  readonly accounts: readonly Pick<AccountSettings, 'accountId' | 'regions'>[];
  readonly client: AlarmClients;
  readonly stages: () => readonly StageInventory[];
  readonly redactor: Redactor;
  readonly ingest: Ingest;
  readonly journal: Journal;
  readonly clock: Clock;
}): readonly AlarmUnit[] {
  const { accounts, journal, stages } = options;
  return accounts.flatMap(({ accountId: account, regions }) =>
    regions.map((region) => {
      const makeRecords = createAlarmRecords({
        ...options,
        account,
        region,
        stages: () => stages().filter((stage) => stage.account === account && stage.region === region),
        readCard: readDescription,
        samplesOf: (question) => sampleRequests(journal, question),
      });
      const source = createAlarmChangesSource({ ...options, account, region });
      const states = createAlarmStates({ ...options, account, region });
      return new AlarmUnit({ ...options, source, makeRecords, states });
    }),
  );
}
