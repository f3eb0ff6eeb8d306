import type { AlarmInstance } from '../../alarms/alarm-instance.ts';
import type { LintFacts } from '../../alarms/lint/finding.ts';
import { measureFor } from '../../alarms/lint/measure.ts';
import type { CliContext } from '../context.ts';
import type { AlarmsHost, Session } from './alarm-session.ts';

/** Looks up what the linter wants to know. What could not be read is said, and the rules that need it stay silent. */
export async function measuredFacts(
  context: CliContext,
  host: AlarmsHost,
  session: Session,
  instances: readonly AlarmInstance[],
): Promise<LintFacts> {
  const aws = host.connect(session.config);
  try {
    const { scopes } = session;
    const measuring = { aws, scopes, nowMs: context.now(), signal: host.signal };
    const { facts, unread } = await measureFor(instances, measuring);
    for (const reason of unread) context.stderr.write(`not measured for the linter: ${reason}\n`);
    return facts;
  } finally {
    aws.close();
  }
}
