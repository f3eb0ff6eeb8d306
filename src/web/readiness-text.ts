import { oneLine } from '../telemetry/one-line.ts';
import type { Finding } from './finding.ts';
import type { Readiness } from './readiness.ts';

/** The readiness for a person at a terminal: a verdict, then one sentence per line. */
export function readinessText({ ready, reasons, notices }: Readiness): string {
  const lines = [ready ? 'ready' : 'not ready', ...listed('', reasons), ...listed('note: ', notices)];
  return `${lines.join('\n')}\n`;
}

/** Reasons quote what others said, so a line break or an escape in them stays inside its line. */
function listed(prefix: string, findings: readonly Finding[]): string[] {
  return findings.map(({ sentence }) => oneLine(`- ${prefix}${sentence}`));
}

/** The readiness for a program: times in ISO 8601 beside the milliseconds they stand for. */
export function readinessBody(readiness: Readiness): Record<string, unknown> {
  return {
    ready: readiness.ready,
    at: new Date(readiness.atMs).toISOString(),
    reasons: readiness.reasons.map(withTimes),
    notices: readiness.notices.map(withTimes),
    ...(readiness.storage !== undefined && { storage: readiness.storage }),
  };
}

function withTimes(finding: Finding): Record<string, unknown> {
  return { ...finding, since: new Date(finding.sinceMs).toISOString() };
}
