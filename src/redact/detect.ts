import { findEmails, findUrlCredentials } from './addresses.ts';
import { findCardNumbers } from './card-numbers.ts';
import { findUnsafeCharacters } from './characters.ts';
import { composeViews, type DecodedView, decodeOnce } from './decoded-view.ts';
import { findIbans } from './ibans.ts';
import { findBareAuthorizations, findNamedSecrets } from './named-secrets.ts';
import { SIGNS, signsOf } from './signs.ts';
import { type Detector, mapBack, mergeSpans, type Span, splice } from './span.ts';
import {
  findAwsAccessKeyIds,
  findAwsSecretKeys,
  findIssuedTokens,
  findJwts,
  findPrivateKeys,
} from './tokens.ts';

/** A detector and the signs of which a text must show at least one for the detector to find anything. */
interface Rule {
  readonly signs: number;
  readonly find: Detector;
}

/** Where two rules claim exactly the same text, the earlier one names it. */
const RULES: readonly Rule[] = [
  { signs: SIGNS.named, find: findNamedSecrets },
  { signs: SIGNS.at, find: findUrlCredentials },
  { signs: SIGNS.jwt, find: findJwts },
  { signs: SIGNS.awsKey, find: findAwsAccessKeyIds },
  { signs: SIGNS.long, find: findAwsSecretKeys },
  { signs: SIGNS.issued, find: findIssuedTokens },
  { signs: SIGNS.pem, find: findPrivateKeys },
  { signs: SIGNS.scheme, find: findBareAuthorizations },
  { signs: SIGNS.at, find: findEmails },
  { signs: SIGNS.digits, find: findCardNumbers },
  { signs: SIGNS.iban, find: findIbans },
];

/** Escaped twice, and once more for good measure. */
const DECODING_LEVELS = 3;

/** One look at a text: as it stands and with its escapes undone, level by level. Positions are those of the text. */
function detectOnce(text: string): Span[] {
  const found: Span[] = [];
  const signs = signsOf(text);
  if ((signs & SIGNS.unsafe) !== 0) findUnsafeCharacters(text, found);
  applyRules(text, signs, found);
  let view: DecodedView | undefined = (signs & SIGNS.escape) === 0 ? undefined : decodeOnce(text);
  for (let level = 1; view !== undefined && level <= DECODING_LEVELS; level += 1) {
    const inView: Span[] = [];
    applyRules(view.text, signsOf(view.text), inView);
    for (const span of inView) found.push(inOriginal(span, view));
    const next = decodeOnce(view.text);
    view = next === undefined ? undefined : composeViews(view, next);
  }
  return found.length > 1 ? mergeSpans(found) : found;
}

function applyRules(text: string, signs: number, found: Span[]): void {
  for (const rule of RULES) {
    if ((rule.signs & signs) !== 0) rule.find(text, found);
  }
}

function inOriginal(span: Span, view: DecodedView): Span {
  return { ...span, start: view.starts[span.start] ?? span.start, end: view.starts[span.end] ?? span.end };
}

/**
 * Everything to replace in a text, sorted and apart. Looks again at the result until nothing new shows, because a
 * replacement moves word boundaries: that makes redaction idempotent. Each look adds text to the
 * spans or joins some, so it ends.
 */
export function findSpans(text: string): Span[] {
  let spans = detectOnce(text);
  while (spans.length > 0) {
    const more = detectOnce(splice(text, spans));
    if (more.length === 0) break;
    const merged = mergeSpans([...spans, ...mapBack(more, spans)]);
    if (merged.length === spans.length && covered(merged) === covered(spans)) break;
    spans = merged;
  }
  return spans;
}

function covered(spans: readonly Span[]): number {
  return spans.reduce((sum, span) => sum + span.end - span.start, 0);
}
