import { invalidParameter } from './logs-model.ts';

/**
 * Plain term patterns of CloudWatch Logs: all terms must occur, `-term` must not, `"…"` is a phrase. JSON, regular
 * expression and space-delimited patterns are refused, with the reason, rather than misread.
 */
export function termMatcher(pattern: string): (message: string) => boolean {
  if (/^\s*[[{%?]/.test(pattern)) {
    throw invalidParameter(`The sandbox reads plain terms only in filterPattern, got ${pattern}.`);
  }
  const terms = [...pattern.matchAll(/(-?)(?:"((?:[^"\\]|\\.)*)"|(\S+))/g)].map((match) => ({
    absent: match[1] === '-',
    text: match[2]?.replaceAll(/\\(.)/g, '$1') ?? match[3] ?? '',
  }));
  return (message) => terms.every((term) => message.includes(term.text) !== term.absent);
}
