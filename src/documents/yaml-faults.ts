import type { ErrorCode } from 'yaml';

export interface YamlFault {
  readonly expected: string;
  readonly got: string;
  readonly remedy: string;
}

/**
 * What a YAML error means, in our words. The library's own messages quote the text they stumbled over, which may be
 * a token, so they are never shown.
 */
const FAULTS: Readonly<Partial<Record<ErrorCode, YamlFault>>> = {
  ALIAS_PROPS: fault('an alias alone', 'an alias with a tag or anchor', 'write the alias without either'),
  BAD_ALIAS: fault(
    'an alias of an earlier anchor',
    'an alias that names none',
    'define the anchor (&name) above it',
  ),
  BAD_COLLECTION_TYPE: fault('a tag that fits its value', 'a tag of another type', 'remove the tag'),
  BAD_DIRECTIVE: fault('no directive', 'a % directive that YAML 1.2 does not know', 'remove the line'),
  BAD_DQ_ESCAPE: fault(
    'a known escape in double quotes',
    'a backslash before another character',
    'double the backslash or use single quotes',
  ),
  BAD_INDENT: fault(
    'lines of one map or list at one depth',
    'a line at another depth',
    'indent it like its neighbours',
  ),
  BAD_PROP_ORDER: fault(
    'anchor and tag before the value',
    'them in another place',
    'move them before the value',
  ),
  BAD_SCALAR_START: fault(
    'a value',
    'a character that no plain value starts with',
    'put the value in quotes',
  ),
  BLOCK_AS_IMPLICIT_KEY: fault(
    'a value beside its key',
    'a second map on the same line',
    'put it on a line of its own, or in quotes',
  ),
  BLOCK_IN_FLOW: fault('a { } or [ ] value', 'an indented block inside it', 'write it with { } and [ ]'),
  IMPOSSIBLE: fault('YAML', 'text that YAML cannot hold', 'check the line'),
  KEY_OVER_1024_CHARS: fault(
    'a key of at most 1024 characters',
    'a longer one',
    'shorten it, or put a missing quote or brace in',
  ),
  MISSING_CHAR: fault('a closing quote, brace, comma or colon', 'none', 'add it where the value should end'),
  MULTILINE_IMPLICIT_KEY: fault(
    'a key on one line',
    'a key over several lines',
    'check for a missing colon or quote above',
  ),
  MULTIPLE_ANCHORS: fault('one anchor', 'several on one value', 'keep one'),
  MULTIPLE_DOCS: fault('one document', 'a second one after ---', 'move it to a file of its own'),
  MULTIPLE_TAGS: fault('one tag', 'several on one value', 'keep one'),
  NON_STRING_KEY: fault('a text as key', 'something else', 'put the key in quotes'),
  RESOURCE_EXHAUSTION: fault(
    'a file nested a few levels deep',
    'deeper nesting than can be read',
    'check for a run of opening brackets',
  ),
  TAB_AS_INDENT: fault('spaces before a line', 'a tab', 'replace the tab by spaces'),
  TAG_RESOLVE_FAILED: fault('a value without a tag', 'a tag that is not known here', 'remove the tag'),
  UNEXPECTED_TOKEN: fault(
    'YAML',
    'text that does not belong here',
    'check quotes, braces and colons on this line',
  ),
};

const OTHER = fault('YAML', 'text that is not', 'check the line');

/** `message`: the library's own, of which only the part that it wrote itself is looked at. */
export function yamlFault(code: ErrorCode, message: string): YamlFault {
  const unclosed = code === 'BAD_INDENT' ? UNCLOSED.exec(message)?.[1] : undefined;
  if (unclosed === undefined) return FAULTS[code] ?? OTHER;
  const bracket = unclosed === 'map' ? '}' : ']';
  return fault(
    `a closing ${bracket} before here`,
    'none',
    `close it, or indent the lines that stand inside it`,
  );
}

/** An unclosed list or map shows as a line that stands too far left; it is hardly ever the indentation that is wrong. */
const UNCLOSED = /^Flow (map|sequence) in block collection/;

function fault(expected: string, got: string, remedy: string): YamlFault {
  return { expected, got, remedy };
}
