import { didYouMean } from '../../documents/did-you-mean.ts';
import type { Problem } from '../../documents/problem.ts';
import type { YamlDocument } from '../../documents/yaml-document.ts';
import { LINT_RULE_IDS, type LintRuleId } from '../format/lint-rule-ids.ts';

/** A comment of ours: `# gatewatch:disable dead-metric, unit-set (why)`, or `disable-file` for the whole file. */
interface OwnComment {
  /** Where it stands. */
  readonly line: number;
  readonly word: string;
  readonly names: readonly string[];
  /** The line it speaks of: its own, or for one on a line of its own the next that is no comment. */
  readonly about: number;
}

/** A place in a file that a comment may belong to: an alarm by the line its id has in findings, or something else. */
export interface Mark {
  readonly line: number;
  readonly alarm?: number;
}

/** What the comments of one file turn off. */
export interface Disables {
  /** Rules that are off for an alarm, by the line of its id. */
  rulesFor(alarm: number): readonly LintRuleId[];
  /** Comments that turn nothing off: a word or rule that does not exist, or no alarm where it stands. */
  readonly problems: readonly Problem[];
}

const OWN = /(?:^|\s)#\s*gatewatch:([\w-]*)([^(]*)/;
const DISABLE = 'disable';
const DISABLE_FILE = 'disable-file';

/** `marks` may come in any order; a comment belongs to the last one at or above the line it speaks of. */
export function disablesOf(document: YamlDocument, marks: readonly Mark[]): Disables {
  const comments = ownComments(document.text);
  const forFile: LintRuleId[] = [];
  const forAlarm = new Map<number, LintRuleId[]>();
  const problems: Problem[] = [];
  for (const comment of comments) {
    const rules = comment.names.flatMap((name) => ruleNamed(name) ?? []);
    problems.push(...wordProblems(document, comment));
    if (comment.word === DISABLE_FILE) forFile.push(...rules);
    if (comment.word !== DISABLE) continue;
    const alarms = alarmsAt(comment.about, marks);
    if (alarms.length === 0) problems.push(strayProblem(document, comment));
    for (const alarm of alarms) forAlarm.set(alarm, [...(forAlarm.get(alarm) ?? []), ...rules]);
  }
  return { rulesFor: (alarm) => [...forFile, ...(forAlarm.get(alarm) ?? [])], problems };
}

function ownComments(text: string): readonly OwnComment[] {
  const lines = text.split('\n');
  return lines.flatMap((content, index): OwnComment[] => {
    const match = OWN.exec(content);
    if (match === null) return [];
    const alone = content.trimStart().startsWith('#');
    const next = lines.findIndex((line, at) => at > index && !/^\s*(#|$)/.test(line));
    const about = alone && next >= 0 ? next + 1 : index + 1;
    const names = (match[2] ?? '').split(',').map((name) => name.trim());
    return [{ line: index + 1, word: match[1] ?? '', names: names.filter((name) => name !== ''), about }];
  });
}

function alarmsAt(line: number, marks: readonly Mark[]): readonly number[] {
  const above = marks.filter((mark) => mark.line <= line);
  const last = Math.max(...above.map((mark) => mark.line));
  return above.flatMap((mark) => (mark.line === last && mark.alarm !== undefined ? [mark.alarm] : []));
}

function ruleNamed(name: string): LintRuleId | undefined {
  return LINT_RULE_IDS.find((id) => id === name);
}

function wordProblems(document: YamlDocument, comment: OwnComment): readonly Problem[] {
  const { word, names } = comment;
  if (word !== DISABLE && word !== DISABLE_FILE) {
    return [
      problemAt(document, comment, {
        expected: `# gatewatch:${DISABLE} or # gatewatch:${DISABLE_FILE}`,
        got: `# gatewatch:${word}`,
        remedy: suggestion(word, [DISABLE, DISABLE_FILE], 'correct or remove the comment'),
      }),
    ];
  }
  if (names.length === 0) {
    return [
      problemAt(document, comment, {
        expected: `ids of rules after # gatewatch:${word}`,
        got: 'none',
        remedy: 'write the ids of the findings, with commas between them',
      }),
    ];
  }
  return names
    .filter((name) => ruleNamed(name) === undefined)
    .map((name) =>
      problemAt(document, comment, {
        expected: `the id of a rule (${LINT_RULE_IDS.join(', ')})`,
        got: name,
        remedy: suggestion(name, LINT_RULE_IDS, 'correct or remove it'),
      }),
    );
}

function strayProblem(document: YamlDocument, comment: OwnComment): Problem {
  return problemAt(document, comment, {
    expected: 'the comment above an alarm or on one of its lines',
    got: 'no alarm there',
    remedy: `move it, or write # gatewatch:${DISABLE_FILE} for all alarms of the file`,
  });
}

function suggestion(got: string, known: readonly string[], otherwise: string): string {
  const near = didYouMean(got, known);
  return near === undefined ? otherwise : `did you mean ${near}?`;
}

function problemAt(
  document: YamlDocument,
  { line }: OwnComment,
  words: Pick<Problem, 'expected' | 'got' | 'remedy'>,
): Problem {
  return { severity: 'error', file: document.file, line, column: 1, path: '', ...words };
}
