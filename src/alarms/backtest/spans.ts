/** `[fromMs, toMs)`, milliseconds. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The same time in spans that neither touch nor overlap, oldest first. Empty ones are left out. */
export function mergeSpans(spans: readonly Span[]): readonly Span[] {
  const merged: { fromMs: number; toMs: number }[] = [];
  const ascending = spans.filter(({ fromMs, toMs }) => fromMs < toMs).sort((a, b) => a.fromMs - b.fromMs);
  for (const { fromMs, toMs } of ascending) {
    const last = merged.at(-1);
    if (last !== undefined && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, toMs);
    else merged.push({ fromMs, toMs });
  }
  return merged;
}

/** What of `spans` none of `taken` covers. */
export function subtractSpans(spans: readonly Span[], taken: readonly Span[]): readonly Span[] {
  let left = mergeSpans(spans);
  for (const hole of mergeSpans(taken)) {
    left = left.flatMap(({ fromMs, toMs }) => [
      { fromMs, toMs: Math.min(toMs, hole.fromMs) },
      { fromMs: Math.max(fromMs, hole.toMs), toMs },
    ]);
    left = left.filter(({ fromMs, toMs }) => fromMs < toMs);
  }
  return left;
}

/** The time that is in both. */
export function intersectSpans(spans: readonly Span[], others: readonly Span[]): readonly Span[] {
  const merged = mergeSpans(others);
  return mergeSpans(
    spans.flatMap((span) =>
      merged.map(({ fromMs, toMs }) => ({
        fromMs: Math.max(span.fromMs, fromMs),
        toMs: Math.min(span.toMs, toMs),
      })),
    ),
  );
}

/** Milliseconds of all of them, none counted twice. */
export function lengthOf(spans: readonly Span[]): number {
  return mergeSpans(spans).reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
}
