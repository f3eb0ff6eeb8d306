import type { AccountSettings } from '../../aws/aws-settings.ts';
import type { GatewatchConfig } from '../../config/gatewatch-config.ts';
import { type CorrelateSettings, defaultCorrelateSettings } from '../../correlate/correlator.ts';
import type { BackfillSettings } from '../../pipeline/backfill.ts';
import { longestRereadMs } from '../../pipeline/log-plan.ts';
import type { AuthorizerRule } from '../../pipeline/log-sources.ts';
import type { LogUnitSettings } from '../../pipeline/log-unit.ts';
import type { MetricUnitSettings } from '../../pipeline/metric-unit.ts';
import type { UpkeepSettings } from '../../pipeline/upkeep.ts';
import { DEFAULT_CONTEXT_ALIASES } from '../../sources/access-logs/to-access-part.ts';
import { formFromConfig } from '../../sources/authorizer-logs/form-from-config.ts';

/** Events per commit: large enough that an fsync costs little, small enough that memory does not notice. */
const BATCH_EVENTS = 2_500;
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

export function upkeepSettingsOf({ journal }: GatewatchConfig): UpkeepSettings {
  const { onTrailFull: kind, archive } = journal;
  return {
    budgets: { queueBytes: journal.queueBudget, trailBytes: journal.trailBudget },
    onTrailFull: kind === 'archive' ? { kind, folder: archive ?? `${journal.path}.archive` } : { kind },
    seal: { sealAfterMs: journal.sealAfter, segmentBytes: journal.segmentSize },
    scrubEveryMs: journal.scrubEvery,
  };
}

export function correlateSettingsOf(
  { logs }: GatewatchConfig,
  bounds: Partial<Pick<CorrelateSettings, 'linesInMemory' | 'linesPerStep'>> = {},
): CorrelateSettings {
  const latenessMs = latenessOf(logs.rereads);
  const { linesInMemory, linesPerStep } = { ...defaultCorrelateSettings, ...bounds };
  return { ...defaultCorrelateSettings, maxHoldMs: logs.maxHold, latenessMs, linesInMemory, linesPerStep };
}

/** How long seen keys are kept: the oldest re-read must still know what is stored. */
export function seenForMs({ logs }: GatewatchConfig): number {
  return latenessOf(logs.rereads) + 2 * 3_600_000;
}

/** How long what listings no longer have is still read: its last lines may come as late as any. */
export function goneForMs({ logs }: GatewatchConfig): number {
  return latenessOf(logs.rereads);
}

/** How much later than due a re-read may be under way: the turns of others, a short outage, milliseconds. */
const REREAD_DELAY_MS = 3_600_000;

/**
 * The last re-read is the last chance of a late line, and comes at its age from the end of the span: for a line at the
 * beginning of a span that grew, that is a span later.
 */
function latenessOf(rereads: readonly number[]): number {
  const last = Math.max(0, ...rereads);
  return Math.max(3_600_000, last + longestRereadMs(last) + REREAD_DELAY_MS);
}

export function authorizerRulesOf(config: GatewatchConfig): AuthorizerRule[] {
  return config.authorizers.map((rule) => ({
    match: rule.match,
    form: formFromConfig(rule),
    aliases: { ...DEFAULT_CONTEXT_ALIASES, ...rule.context },
  }));
}
