/** What people and the alarm follower read in an alarm: kept in its description and, shorter, in its tags. */
export interface AlarmCard {
  readonly id: string;
  readonly summary: string;
  readonly owner?: string;
  readonly runbook?: string;
}

const MAX_DESCRIPTION = 1_024;
const MAX_TAG_VALUE = 256;

/** The summary, then one line for each of owner, runbook and id. At most 1,024 characters, the lines kept whole. */
export function describeAlarm(card: AlarmCard): string {
  const lines = [
    ...(card.owner === undefined ? [] : [`Owner: ${card.owner}`]),
    ...(card.runbook === undefined ? [] : [`Runbook: ${card.runbook}`]),
    `Id: ${card.id}`,
    'Managed by gatewatch: change its file, not the alarm.',
  ].join('\n');
  const room = MAX_DESCRIPTION - lines.length - 1;
  const summary =
    card.summary.length <= room ? card.summary : `${card.summary.slice(0, Math.max(0, room - 1))}…`;
  return `${summary}\n${lines}`;
}

/** Reads a description back; undefined when it is not one of ours. */
export function readDescription(description: string): AlarmCard | undefined {
  const found = (name: string) => new RegExp(`^${name}: (.+)$`, 'm').exec(description)?.[1];
  const id = found('Id');
  if (id === undefined) return undefined;
  const [owner, runbook] = [found('Owner'), found('Runbook')];
  return {
    id,
    summary: description.split('\n')[0] ?? '',
    ...(owner === undefined ? {} : { owner }),
    ...(runbook === undefined ? {} : { runbook }),
  };
}

/** Tag values take letters, digits, spaces and `_ . : / = + - @`; anything else becomes `_`. */
export function tagValue(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N}\p{Z}_.:/=+\-@]/gu, '_').slice(0, MAX_TAG_VALUE);
}
