import type { LogPart } from '../../model/part.ts';
import type { LogEvent } from '../../model/source-event.ts';
import type { PartMaker } from '../log-window-source.ts';
import { partOrFault, unparsedPart } from '../unparsed-part.ts';
import { type AccessLineCandidate, createAccessLineParser } from './dispatch-lines.ts';
import { type AccessPartSettings, createAccessPartBuilder } from './to-access-part.ts';

export interface AccessLogReaderSettings extends AccessPartSettings {
  /** Every stage that writes to the group, with each format it has or had. */
  readonly candidates: readonly AccessLineCandidate[];
}

/** One access-log group's new events to parts, in order: a line that nothing reads is kept as unparsed. */
export function createAccessLogReader(settings: AccessLogReaderSettings): PartMaker {
  const parser = createAccessLineParser(settings);
  const toPart = createAccessPartBuilder(settings);
  const { group, redactor } = settings;
  const read = (event: LogEvent): LogPart => {
    const match = parser.parse(event.message, event.logStream);
    if (match.kind === 'matched') return toPart(event, match);
    return unparsedPart('access', { group, event, problem: match.problem }, redactor);
  };
  return (events, isKnown) => {
    const parts: LogPart[] = [];
    for (const event of events) {
      if (isKnown?.(event) !== true)
        parts.push(partOrFault('access', { group, event }, redactor, () => read(event)));
    }
    return parts;
  };
}
