import type { Window } from '../model/source-event.ts';

/** What of a span no window covers, oldest first. */
export function uncoveredSpans(span: Window, windows: readonly Window[]): Window[] {
  const found: Window[] = [];
  let atMs = span.fromMs;
  for (const { fromMs, toMs } of windows.toSorted((a, b) => a.fromMs - b.fromMs)) {
    if (fromMs > atMs) found.push({ fromMs: atMs, toMs: Math.min(fromMs, span.toMs) });
    atMs = Math.max(atMs, toMs);
    if (atMs >= span.toMs) return found;
  }
  if (atMs < span.toMs) found.push({ fromMs: atMs, toMs: span.toMs });
  return found;
}
