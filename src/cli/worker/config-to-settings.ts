import type { AccountSettings } from '../../aws/aws-settings.ts';
import type { GatewatchConfig } from '../../config/gatewatch-config.ts';
import { type CorrelateSettings, defaultCorrelateSettings } from '../../correlate/correlator.ts';
import type { BackfillSettings } from '../../pipeline/backfill.ts';
import type { AuthorizerRule } from '../../pipeline/log-sources.ts';
import type { LogUnitSettings } from '../../pipeline/log-unit.ts';
import type { MetricUnitSettings } from '../../pipeline/metric-unit.ts';
import { DEFAULT_CONTEXT_ALIASES } from '../../sources/access-logs/to-access-part.ts';
import { formFromConfig } from '../../sources/authorizer-logs/form-from-config.ts';

/** Events per commit: large enough that an fsync costs little, small enough that memory does not notice. */
const BATCH_EVENTS = 5_000;
/** However late lines come, a poll reaches back no further; the re-reads find the rest. */
const MAX_OVERLAP_MS = 120_000;
const MAX_METRIC_SPAN_MS = 6 * 3_600_000;

export function accountSettingsOf(config: GatewatchConfig): AccountSettings[] {
  return Object.entries(config.accounts).map(([name, account]) => ({
    name,
    accountId: account.accountId,
    regions: account.regions,
    ...(account.roleArn !== undefined && { roleArn: account.roleArn }),
    ...(account.externalId !== undefined && { externalId: account.externalId }),
  }));
}

export function logUnitSettingsOf({ logs }: GatewatchConfig): LogUnitSettings {
  return {
    firstReadMs: logs.firstRead,
    sliceMs: logs.slice,
    rereadsMs: logs.rereads,
    lagAllowanceMs: logs.lagAllowance,
    maxOverlapMs: Math.max(MAX_OVERLAP_MS, logs.lagAllowance),
    batchEvents: BATCH_EVENTS,
  };
}

export function metricUnitSettingsOf({ metrics }: GatewatchConfig): MetricUnitSettings {
  return {
    periodMs: metrics.period,
    settleMs: metrics.settle,
    revisitMs: metrics.revisit,
    firstReadMs: metrics.firstRead,
    maxSpanMs: MAX_METRIC_SPAN_MS,
  };
}

export function backfillSettingsOf({ logs, metrics }: GatewatchConfig): BackfillSettings {
  return {
    sliceMs: logs.slice,
    batchEvents: BATCH_EVENTS,
    metricPeriodMs: metrics.period,
    metricSettleMs: metrics.settle,
  };
}

export function correlateSettingsOf({ logs }: GatewatchConfig): CorrelateSettings {
  return { ...defaultCorrelateSettings, maxHoldMs: logs.maxHold, latenessMs: latenessOf(logs.rereads) };
}

/** How long seen keys are kept: the oldest re-read must still know what is stored. */
export function seenForMs({ logs }: GatewatchConfig): number {
  return latenessOf(logs.rereads) + 2 * 3_600_000;
}

/** The last re-read is the last chance of a late line. */
function latenessOf(rereads: readonly number[]): number {
  return Math.max(3_600_000, ...rereads);
}

export function authorizerRulesOf(config: GatewatchConfig): AuthorizerRule[] {
  return config.authorizers.map((rule) => ({
    match: rule.match,
    form: formFromConfig(rule),
    aliases: { ...DEFAULT_CONTEXT_ALIASES, ...rule.context },
  }));
}
