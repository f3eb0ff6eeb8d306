/** Longest text searched for words: a decision stands at the beginning of a line, not behind a dumped event. */
const SEARCHED_LENGTH = 16_384;

/**
 * `key=value`, `key: value`, `key="quoted value"` and the `key: 'value'` of a printed object. A name starts only where
 * no name character stands before it, which keeps the search linear.
 */
const WORD =
  /(?<![\w.$-])["']?([A-Za-z_][\w.-]{0,63})["']? ?[=:] ?(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s,;|"'{}[\]]+))/g;

const SEGMENT = /^\s*([A-Za-z_][\w.-]{0,63})\s{0,4}=([\s\S]*)$/;

/** Words of a line of text; the first of two equal keys counts. Between bars a value may hold spaces. */
export function readWords(text: string): ReadonlyMap<string, string> {
  const words = new Map<string, string>();
  const searched = text.length > SEARCHED_LENGTH ? text.slice(0, SEARCHED_LENGTH) : text;
  if (searched.includes('|')) {
    for (const segment of searched.split('|')) readSegment(segment, words);
  } else {
    readPlain(searched, words);
  }
  return words;
}

function readSegment(segment: string, words: Map<string, string>): void {
  const match = SEGMENT.exec(segment);
  if (match === null || (match[2] ?? '').includes('=')) {
    readPlain(segment, words);
    return;
  }
  add(words, match[1] ?? '', unquoted((match[2] ?? '').trim()));
}

function readPlain(text: string, words: Map<string, string>): void {
  if (!text.includes('=') && !text.includes(':')) return;
  for (const match of text.matchAll(WORD)) {
    add(words, match[1] ?? '', match[2] ?? match[3] ?? match[4] ?? '');
  }
}

function add(words: Map<string, string>, key: string, value: string): void {
  if (value !== '' && !words.has(key)) words.set(key, value);
}

function unquoted(value: string): string {
  const first = value.charAt(0);
  const isQuoted = value.length >= 2 && (first === '"' || first === "'") && value.endsWith(first);
  return isQuoted ? value.slice(1, -1) : value;
}
