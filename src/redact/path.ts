/** What stands in place of a stripped query value. */
const STRIPPED = '*';

const OPAQUE_LENGTH = 32;
/** One path segment of letters that nobody chose by hand; UUIDs and hexadecimal ids lack the capitals. */
const OPAQUE_SEGMENT = /(?<![A-Za-z0-9_-])(?=[A-Za-z0-9_-]{32})[A-Za-z0-9_-]+(?![A-Za-z0-9_-])/g;

/**
 * A request path with what callers put into it by mistake taken out: values of the query (`?name=*`), a fragment, and
 * long mixed segments such as password-reset tokens. Everything else goes through `text`.
 */
export function redactPath(path: string, text: (value: string) => string): string {
  if (path.length < OPAQUE_LENGTH && !/[?#]/.test(path)) return text(path);
  const [, place = '', query, fragment] = /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(path) ?? [];
  const strippedFragment = fragment === undefined || fragment === '#' ? '' : `#${STRIPPED}`;
  return withoutOpaque(text(place), text) + strippedQuery(query, text) + strippedFragment;
}

/** Hiding a segment moves word boundaries, so the rest is looked at again until nothing changes. */
function withoutOpaque(place: string, text: (value: string) => string): string {
  let shown = place;
  for (;;) {
    const hidden = shown.replace(OPAQUE_SEGMENT, (segment) =>
      isMixed(segment) ? '[redacted:opaque]' : segment,
    );
    if (hidden === shown) return shown;
    shown = text(hidden);
  }
}

function isMixed(segment: string): boolean {
  return /[a-z]/.test(segment) && /[A-Z]/.test(segment) && /[0-9]/.test(segment);
}

function strippedQuery(query: string | undefined, text: (value: string) => string): string {
  if (query === undefined) return '';
  const parts = query.slice(1).split('&');
  return `?${parts.map((part) => strippedPart(part, text)).join('&')}`;
}

function strippedPart(part: string, text: (value: string) => string): string {
  const equals = part.indexOf('=');
  return equals === -1 ? text(part) : `${text(part.slice(0, equals))}=${STRIPPED}`;
}
