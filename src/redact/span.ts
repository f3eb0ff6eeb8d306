/** A piece of a text that a rule replaces: `[start, end)` in UTF-16 units. */
export interface Span {
  readonly rule: string;
  readonly start: number;
  readonly end: number;
  /** What stands there afterwards; by default the marker of the rule. */
  readonly replacement?: string;
}

/** Finds its spans in a text and appends them. Must take time linear in the text, whatever the text is. */
export type Detector = (text: string, found: Span[]) => void;

export function replacementOf(span: Span): string {
  return span.replacement ?? `[redacted:${span.rule}]`;
}

const MARKER = /\[redacted:[a-z_]+\]/y;

/** End of the redaction markers that stand in a row at `at`; `at` itself when there is none. */
export function skipMarkers(text: string, at: number): number {
  let end = at;
  while (text.charCodeAt(end) === 0x5b) {
    MARKER.lastIndex = end;
    if (!MARKER.test(text)) break;
    end = MARKER.lastIndex;
  }
  return end;
}

/**
 * Sorts spans and joins those that overlap. The one that begins first names the group, and of those that begin
 * together the longest; a secret names it before an unsafe character does.
 */
export function mergeSpans(spans: readonly Span[]): Span[] {
  const sorted = spans.toSorted((a, b) => a.start - b.start || b.end - a.end);
  const merged: Span[] = [];
  let last: Span | undefined;
  for (const span of sorted) {
    if (last === undefined || span.start >= last.end) {
      merged.push(span);
      last = span;
      continue;
    }
    last = joinSpans(last, span);
    merged[merged.length - 1] = last;
  }
  return merged;
}

function joinSpans(first: Span, second: Span): Span {
  const end = Math.max(first.end, second.end);
  if (first.replacement === undefined) return { rule: first.rule, start: first.start, end };
  if (second.replacement === undefined) return { rule: second.rule, start: first.start, end };
  return { ...first, end };
}

/** The text with every span replaced. `spans` are sorted and apart, as `mergeSpans` leaves them. */
export function splice(text: string, spans: readonly Span[]): string {
  let out = '';
  let at = 0;
  for (const span of spans) {
    out += text.slice(at, span.start) + replacementOf(span);
    at = span.end;
  }
  return out + text.slice(at);
}

/** Carries spans found in `splice(text, spans)` back to `text`; a bound inside a replacement takes that whole span. */
export function mapBack(found: readonly Span[], spans: readonly Span[]): Span[] {
  let next = 0;
  let shift = 0;
  const sorted = found.toSorted((a, b) => a.start - b.start);
  return sorted.map((span) => {
    for (; next < spans.length; next += 1) {
      const passed = spans[next];
      if (passed === undefined || replacedEnd(passed, shift) > span.start) break;
      shift += passed.end - passed.start - replacementOf(passed).length;
    }
    return mapOne(span, spans, next, shift);
  });
}

function replacedEnd(span: Span, shift: number): number {
  return span.start - shift + replacementOf(span).length;
}

function mapOne(found: Span, spans: readonly Span[], from: number, shiftAtStart: number): Span {
  let shift = shiftAtStart;
  let start = found.start + shift;
  let end = found.end + shift;
  for (let index = from; index < spans.length; index += 1) {
    const span = spans[index];
    if (span === undefined || span.start - shift >= found.end) break;
    if (index === from && span.start - shift < found.start) start = span.start;
    const reachesPast = replacedEnd(span, shift) <= found.end;
    shift += span.end - span.start - replacementOf(span).length;
    end = reachesPast ? found.end + shift : span.end;
  }
  return { ...found, start, end };
}
