import { sha256Hex } from '../core/hash.ts';
import type { LogGroupRef } from '../model/inventory.ts';
import type { LogPart, UnparsedPart } from '../model/part.ts';
import type { LogEvent, SourceRef } from '../model/source-event.ts';
import type { Redactor } from '../redact/redactor.ts';

export function sourceRef(group: LogGroupRef, event: LogEvent): SourceRef {
  return {
    account: group.account,
    region: group.region,
    logGroup: group.logGroup,
    logStream: event.logStream,
    eventId: event.eventId,
    timestampMs: event.timestampMs,
    ingestionMs: event.ingestionMs,
  };
}

/** A line that nothing could read: kept whole and redacted, with hash and length of what it was. */
export function unparsedPart(
  of: UnparsedPart['of'],
  line: { readonly group: LogGroupRef; readonly event: LogEvent; readonly problem: string },
  redactor: Redactor,
): UnparsedPart {
  const { message } = line.event;
  return {
    role: 'unparsed',
    of,
    source: sourceRef(line.group, line.event),
    problem: line.problem,
    raw: redactor.text(message),
    rawSha256: sha256Hex(message),
    rawLength: message.length,
  };
}

/**
 * Turns one event into its part; where that throws, a fault of ours costs this one line and not its page. What the
 * fault said is not kept, for it may quote the line. The line's text is, redacted, unless it is redaction that fails.
 */
export function partOrFault(
  of: UnparsedPart['of'],
  line: { readonly group: LogGroupRef; readonly event: LogEvent },
  redactor: Redactor,
  toPart: () => LogPart,
): LogPart {
  try {
    return toPart();
  } catch (error) {
    const problem = `fault while reading the line: ${error instanceof Error ? error.name : typeof error}`;
    try {
      return unparsedPart(of, { ...line, problem }, redactor);
    } catch {
      // Redaction itself fails on this line: nothing of its text may be kept.
      return unparsedPart(of, { ...line, problem }, { ...redactor, text: () => '' });
    }
  }
}
