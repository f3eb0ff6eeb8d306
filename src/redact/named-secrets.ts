import { isSecretName } from './secret-names.ts';
import { type Span, skipMarkers } from './span.ts';

/** What follows the first character of a separator: the rest of `=>`, `:=` or `==`, and white space (`+` in a form). */
const REST_OF_SEPARATOR = /[>=]?[ \t+]{0,4}/y;
const IN_NAME = Uint8Array.from({ length: 128 }, (_, code) =>
  /[\w.$-]/.test(String.fromCharCode(code)) ? 1 : 0,
);

/**
 * Values that a name declares secret, in `key=value`, `key: value`, `"key":"value"` (also inside a quoted string),
 * URL queries and header lines. The name stays, so that a reader sees what was there.
 */
export function findNamedSecrets(text: string, found: Span[]): void {
  for (let at = nextSeparator(text, 0); at < text.length; ) {
    const value = isSecretName(nameBefore(text, at)) ? valueAfter(text, at) : undefined;
    if (value !== undefined) found.push({ rule: 'secret', start: value.start, end: value.end });
    at = nextSeparator(text, value?.end ?? at + 1);
  }
}

/** Where the next `:` or `=` stands; the length of the text when there is none. */
function nextSeparator(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x3a || code === 0x3d) break;
  }
  return at;
}

/** The name that ends before a separator, a closing quote (escaped or not) and a few blanks between them left out. */
function nameBefore(text: string, separator: number): string {
  let end = separator;
  while (end > separator - 4 && (text.charAt(end - 1) === ' ' || text.charAt(end - 1) === '\t')) end -= 1;
  if (text.charAt(end - 1) === '"' || text.charAt(end - 1) === "'") end -= 1;
  for (let escapes = 0; escapes < 7 && text.charAt(end - 1) === '\\'; escapes += 1) end -= 1;
  let start = end;
  while (start > 0 && IN_NAME[text.charCodeAt(start - 1)] === 1) start -= 1;
  return text.slice(start, end);
}

interface NamedValue {
  readonly start: number;
  readonly end: number;
}

function valueAfter(text: string, separator: number): NamedValue | undefined {
  REST_OF_SEPARATOR.lastIndex = separator + 1;
  REST_OF_SEPARATOR.test(text);
  const start = REST_OF_SEPARATOR.lastIndex;
  const isCookie = /cookie["'\\ \t]{0,12}$/i.test(text.slice(Math.max(0, separator - 18), separator));
  const value = rangeOfValue(text, isCookie, start);
  const saysNothing = value.end <= value.start || TELLS_NOTHING.test(text.slice(value.start, value.end));
  return saysNothing || skipMarkers(text, value.start) === value.end ? undefined : value;
}

/** Values that are no secret: reading that a token was missing or expired is worth more than hiding a word. */
const TELLS_NOTHING =
  /^(?:-|\*+|null|nil|none|undefined|true|false|jwt|missing|expired|invalid|absent|present|revoked|not|is|was|yes|no|\[\]|\{\})$/i;

const OPENING_QUOTE = /(\\{0,7})(["'])/y;

function rangeOfValue(text: string, isCookie: boolean, start: number): NamedValue {
  OPENING_QUOTE.lastIndex = start;
  const quote = OPENING_QUOTE.exec(text);
  if (quote !== null) {
    const from = OPENING_QUOTE.lastIndex;
    return { start: from, end: closingQuote(text, from, quote[2] ?? '"', quote[1]?.length ?? 0) };
  }
  const first = text.charAt(start);
  const isMarked = skipMarkers(text, start) > start;
  if ((first === '[' && !isMarked) || first === '{') return { start, end: closingBracket(text, start) };
  return {
    start,
    end: (isMarked ? undefined : headerEnd(text, isCookie, start)) ?? unquotedEnd(text, start),
  };
}

/** Where the string that began at `from` closes: at its quote, escaped no deeper than the opening one was. */
function closingQuote(text: string, from: number, quote: string, depth: number): number {
  for (let at = text.indexOf(quote, from); at !== -1; at = text.indexOf(quote, at + 1)) {
    let escapes = 0;
    while (at - escapes > from && text.charAt(at - escapes - 1) === '\\') escapes += 1;
    if (depth === 0 ? escapes % 2 === 0 : escapes <= depth) return at - Math.min(escapes, depth);
  }
  return text.length;
}

const BRACKET_OR_QUOTE = /[[\]{}"]/g;

/** End of a list or object, strings inside it skipped; the end of the text where it was cut. */
function closingBracket(text: string, start: number): number {
  let depth = 0;
  BRACKET_OR_QUOTE.lastIndex = start;
  for (let hit = BRACKET_OR_QUOTE.exec(text); hit !== null; hit = BRACKET_OR_QUOTE.exec(text)) {
    if (hit[0] === '"') {
      BRACKET_OR_QUOTE.lastIndex = closingQuote(text, hit.index + 1, '"', escapesBefore(text, hit.index)) + 1;
      continue;
    }
    depth += hit[0] === '[' || hit[0] === '{' ? 1 : -1;
    if (depth === 0) return hit.index + 1;
  }
  return text.length;
}

function escapesBefore(text: string, at: number): number {
  let count = 0;
  while (count < 7 && text.charAt(at - count - 1) === '\\') count += 1;
  return count;
}

const STOP_OR_MARKER =
  /\[redacted:[a-z_]+\]|[\s"'`&<>\\]|[,;|)}\]](?:$|[\s"'\\,;|)}\]]|[A-Za-z0-9_.$-]{1,64}["']?[=:])/g;

/** An unquoted value ends at white space, a quote, `&`, or at punctuation that another `name=` or nothing follows. */
function unquotedEnd(text: string, start: number): number {
  STOP_OR_MARKER.lastIndex = start;
  let hit = STOP_OR_MARKER.exec(text);
  while (hit?.[0].startsWith('[redacted:')) hit = STOP_OR_MARKER.exec(text);
  return hit?.index ?? text.length;
}

const SCHEME_AND_PARAMETERS = /(?:aws4-[a-z0-9-]+|digest|hawk|hmac|signature)[ +][^\r\n"\\]*/iy;
const SCHEME_AND_TOKEN = /(?:bearer|basic|token|apikey|negotiate|ntlm|dpop|splunk|api-token)[ +]+/iy;
const COOKIE_PAIRS = /[^\s;"'|\\]+(?:;[ +]?[^\s;"'|\\]*)*/y;

/** Header values go on over white space: a scheme and its token, or one cookie after the other. */
function headerEnd(text: string, isCookie: boolean, start: number): number | undefined {
  for (const pattern of isCookie ? [COOKIE_PAIRS] : [SCHEME_AND_PARAMETERS, SCHEME_AND_TOKEN]) {
    pattern.lastIndex = start;
    if (!pattern.test(text)) continue;
    return pattern === SCHEME_AND_TOKEN ? unquotedEnd(text, pattern.lastIndex) : pattern.lastIndex;
  }
  return undefined;
}

const BARE_SCHEME = /(?<![A-Za-z0-9])(?:bearer|basic)(?: |\+)+(?=[A-Za-z0-9._~+/-]{8})/gi;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*/y;

/** `Bearer …` and `Basic …` without a header name. A plain lower-case word after them is prose. */
export function findBareAuthorizations(text: string, found: Span[]): void {
  for (const match of text.matchAll(BARE_SCHEME)) {
    const start = match.index + match[0].length;
    TOKEN68.lastIndex = start;
    const token = TOKEN68.exec(text)?.[0] ?? '';
    if (token.length < 20 && /^[a-z.-]+$/.test(token)) continue;
    found.push({ rule: 'authorization', start, end: start + token.length });
  }
}
