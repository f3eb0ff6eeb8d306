import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AlarmClients, createAlarmClients } from '../../src/aws/alarm-clients.ts';
import { type AwsClientsSettings, createAwsClients } from '../../src/aws/aws-clients.ts';
import type { AlarmsHost } from '../../src/cli/alarms/alarm-session.ts';
import { listFilesBelow } from '../../src/cli/alarms/list-files.ts';
import { createAlarmsCommand } from '../../src/cli/commands/alarms.ts';
import { createSystemContext } from '../../src/cli/system-context.ts';
import { accountSettingsOf } from '../../src/cli/worker/config-to-settings.ts';
import { UserError } from '../../src/core/errors.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { silentMeter } from '../../src/core/meter.ts';
import type { Sandbox } from '../../src/sandbox/server.ts';
import { createSkippingClock } from '../aws/clients-fixture.ts';
import { central, region } from '../sandbox/small-world.ts';

/** Calls that change something. */
const WRITES = [
  'PutMetricAlarm',
  'PutCompositeAlarm',
  'DeleteAlarms',
  'TagResource',
  'UntagResource',
  'PutMetricFilter',
  'DeleteMetricFilter',
  'PutAlarmMuteRule',
  'DeleteAlarmMuteRule',
];

/** How many writes a sandbox was asked for. */
export function writesOf(sandbox: Sandbox): number {
  return WRITES.reduce((sum, name) => sum + sandbox.counts.get(`aws.${name}`), 0);
}

const QUIET = { logger: silentLogger, meter: silentMeter };

/** Real clients of the central account, on a clock that skips every wait. The SDK must point at a sandbox already. */
export function sandboxAlarmClients(settings: Partial<AwsClientsSettings> = {}): AlarmClients {
  const accounts = [{ name: 'central', accountId: central, regions: [region] }];
  return createAlarmClients({ accounts, clock: createSkippingClock(), ...QUIET, ...settings });
}

export interface Printed {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

/** `gatewatch alarms …` in this process, as the command line runs it, from a folder with `gatewatch.yaml`. */
export async function runAlarmsCommand(
  folder: string,
  now: () => number,
  args: readonly string[],
  host: Partial<AlarmsHost> = {},
): Promise<Printed> {
  const printed = { out: '', err: '', code: 0 };
  const context = {
    ...createSystemContext(),
    env: {},
    cwd: folder,
    stdout: { write: (text: string) => (printed.out += text) },
    stderr: { write: (text: string) => (printed.err += text) },
    now,
    setExitCode: (code: number) => (printed.code = code),
  };
  const clients = { clock: createSkippingClock(), ...QUIET };
  const command = createAlarmsCommand(context, {
    signal: new AbortController().signal,
    connect: (config) => createAwsClients({ accounts: accountSettingsOf(config), ...clients }),
    connectAlarms: (config) => createAlarmClients({ accounts: accountSettingsOf(config), ...clients }),
    listFiles: listFilesBelow,
    confirm: async () => false,
    ...host,
  });
  try {
    await command.exitOverride().parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    printed.err += error.message;
    printed.code = 1;
  }
  return printed;
}

/** The least configuration that `gatewatch alarms` reads: one account, one Region, sinks that are never asked. */
export function writeAlarmsConfig(folder: string): void {
  writeFileSync(join(folder, 'pseudonym.key'), 'k'.repeat(40));
  const config = {
    version: 1,
    accounts: { central: { accountId: central, regions: [region] } },
    redaction: { keys: [{ id: 'k1', secret: '$' + '{file:pseudonym.key}' }] },
    sinks: {
      splunk: { type: 'splunk_hec', url: 'http://127.0.0.1:1', token: 'unused', index: 'apigw' },
    },
  };
  writeFileSync(join(folder, 'gatewatch.yaml'), JSON.stringify(config));
}
