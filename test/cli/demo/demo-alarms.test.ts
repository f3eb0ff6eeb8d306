import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAlarmClients } from '../../../src/aws/alarm-clients.ts';
import { createAwsClients } from '../../../src/aws/aws-clients.ts';
import type { AlarmsHost } from '../../../src/cli/alarms/alarm-session.ts';
import { listFilesBelow } from '../../../src/cli/alarms/list-files.ts';
import { DemoAlarms } from '../../../src/cli/demo/demo-alarms.ts';
import { createSystemContext } from '../../../src/cli/system-context.ts';
import { accountSettingsOf } from '../../../src/cli/worker/config-to-settings.ts';
import { GatewatchError } from '../../../src/core/errors.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { silentMeter } from '../../../src/core/meter.ts';
import { parseFaults } from '../../../src/sandbox/faults.ts';
import { writeAlarmsConfig } from '../../alarms/sandbox-clients.ts';
import { pointSdkAt } from '../../aws/aws-stub.ts';
import { createSkippingClock } from '../../aws/clients-fixture.ts';
import { historyToMs, smallWorld } from '../../sandbox/small-world.ts';
import { closing, startedSandbox } from '../../sandbox/started-sandbox.ts';
import { contextFor, nothingPrinted } from '../../support/cli-context.ts';

/** The sandbox's small world has no authorizer log to make the third from. */
const NAMES = ['p99', 'user-impact'].map((id) => `demo/orders-api/prod/${id}`);

describe("the demo's alarms", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'gatewatch-demo-alarms-'));
    writeAlarmsConfig(folder);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function start(faults: string, signal = new AbortController().signal) {
    const world = smallWorld();
    const restApis = world.restApis.map((one, n) =>
      n === 0 ? { ...one, api: { ...one.api, name: 'orders-api' } } : one,
    );
    const sandbox = await startedSandbox({ world: { ...world, restApis }, faults: parseFaults(faults) });
    closing({ close: pointSdkAt(sandbox.port) });
    const clock = createSkippingClock();
    const settings = { clock, logger: silentLogger, meter: silentMeter };
    const host: AlarmsHost = {
      signal,
      connect: (config) => createAwsClients({ accounts: accountSettingsOf(config), ...settings }),
      connectAlarms: (config) => createAlarmClients({ accounts: accountSettingsOf(config), ...settings }),
      listFiles: listFilesBelow,
      confirm: async () => true,
    };
    const printed = nothingPrinted();
    const { readFile, writeFile, fileExists } = createSystemContext();
    const context = contextFor(printed, { now: () => historyToMs, readFile, writeFile, fileExists });
    return { alarms: new DemoAlarms(host, folder), sandbox, context, printed, clock };
  }

  it('are planned and applied in full view', async () => {
    const { alarms, context, printed } = await start('none');
    expect(await alarms.begin(context)).toBe(true);
    expect(alarms.refusal).toBeUndefined();
    expect(alarms.planned.map(({ name }) => name).sort()).toEqual(NAMES.toSorted());
    expect(printed.out).toMatch(
      /gatewatch alarms plan -o[\s\S]*gatewatch alarms apply plan\.json\nApplied \d+ steps\.\n$/,
    );
  });

  it('are tried again, quietly, until calls that are refused at first go through', async () => {
    const { alarms, sandbox, context, printed, clock } = await start('denied');
    expect(await alarms.begin(context)).toBe(false);
    expect(alarms.refusal).toMatch(/GetRestApis .* was denied/);
    printed.out = '';
    printed.err = '';
    await alarms.goOn(context, clock);
    expect(alarms.refusal).toBeUndefined();
    expect(alarms.planned.map(({ name }) => name).sort()).toEqual(NAMES.toSorted());
    expect(sandbox.counts.get('aws.PutCompositeAlarm')).toBeGreaterThan(0);
    expect(printed.err).toBe('');
    // Only the try that went through is shown.
    expect(printed.out.match(/\$ gatewatch alarms plan/g)).toHaveLength(1);
  });

  it('end with the reason when calls stay refused', async () => {
    const { alarms, context, clock } = await start('denied');
    expect(await alarms.begin(context)).toBe(false);
    const end = alarms.goOn(context, clock, 1);
    await expect(end).rejects.toThrow(GatewatchError);
    await expect(end).rejects.toThrow(/could not be applied: .*REST APIs/);
  });

  it('are left at once by whoever has seen enough', async () => {
    const stop = new AbortController();
    const { alarms, context, clock } = await start('denied', stop.signal);
    expect(await alarms.begin(context)).toBe(false);
    stop.abort(new Error('seen enough'));
    await expect(alarms.goOn(context, clock)).rejects.toThrow('seen enough');
  });
});
