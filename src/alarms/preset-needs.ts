import { integrationTimeoutMs } from '../inventory/integration-timeouts.ts';
import type { Each } from './each.ts';
import type { FieldValues, Merged } from './format/layers.ts';
import type { AlarmFiles } from './format/load-alarm-files.ts';
import { presetOf } from './presets.ts';

/**
 * Why a preset's threshold cannot be made: what it is measured by is not known. `undefined` when it can be, or when the
 * files write a threshold of their own.
 */
export function unmetNeed(
  presetId: string | undefined,
  merged: Merged,
  each: Each,
  vars: FieldValues,
): string | undefined {
  const need = presetId === undefined ? undefined : presetOf(presetId)?.needs;
  if (need === undefined || merged.origins.Threshold?.file !== `preset ${presetId}`) return undefined;
  switch (need) {
    case 'integration_timeout':
      return integrationTimeoutMs(each.stage, each.route) === undefined
        ? `no integration of ${each.key} tells how long it may take: give the alarm a Threshold of its own`
        : undefined;
    case 'traffic_baseline':
      return vars.traffic_baseline === undefined
        ? `there is no baseline for ${each.key}: \`gatewatch alarms baseline\` measures one; put it into vars.traffic_baseline`
        : undefined;
  }
}

/** Whether an expression or a preset of the files asks for the timeouts of integrations. */
export function asksForTimeouts(files: AlarmFiles): boolean {
  return [...files.sets, ...files.defaults].some(({ document }) =>
    /integration_timeout_ms|apigw\/near-timeout/.test(JSON.stringify(document.value)),
  );
}
