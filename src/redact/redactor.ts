import { UserError } from '../core/errors.ts';
import { findSpans } from './detect.ts';
import { redactPath } from './path.ts';
import { createPseudonyms, type PseudonymKey, type PseudonymKind, type Pseudonyms } from './pseudonym.ts';
import { replacementOf, type Span, splice } from './span.ts';
import { markStart, SHORTEST_CAP, truncate } from './truncate.ts';

/**
 * Takes secrets out of what the outside world sent, before anything is written. Pure, idempotent, and linear in the
 * length of its input whatever that is. Always returns well-formed text on one line.
 */
export interface Redactor {
  /** Free text: secrets by shape (JWT, AWS key, card number, IBAN, e-mail, …) and by name (`password=…`). */
  text(value: string): string;
  /** A request path: query values stripped, names kept, segments redacted. */
  path(value: string): string;
  /** A User-Agent header: `text`, with a cap of its own because callers fill it with anything. */
  userAgent(value: string): string;
  /** Stands for a person or customer. `text` of the clear name where the settings say that kind stays clear. */
  pseudonym(kind: PseudonymKind, clear: string): string;
}

/** What one rule did: `value.slice(start, end)` became `replacement`. */
export interface Replacement {
  readonly rule: string;
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

/** A redactor that can also say what it did, and what to look a name up under. */
export interface ExplainingRedactor extends Redactor {
  /** What `text` replaces, in order; empty when the value stays as it is. */
  explain(value: string): readonly Replacement[];
  /** What a name may stand as in the journal: pseudonyms under every live key, current first. */
  pseudonymsUnderEveryKey(kind: PseudonymKind, clear: string): string[];
}

export interface RedactorSettings {
  /** First key is the current one; the others are still looked up under. */
  readonly keys: readonly PseudonymKey[];
  /** Which names are stored as pseudonyms; a kind left out is stored in clear. */
  readonly pseudonymise: readonly PseudonymKind[];
  /** Longest text kept, in UTF-16 units. Default: no cap, a CloudWatch event is 1 MB at most. */
  readonly maxTextLength?: number;
  /** Longest user agent kept, in UTF-16 units. Default 1,024. */
  readonly maxUserAgentLength?: number;
}

const USER_AGENT_CAP = 1_024;

/** Throws `UserError` when pseudonyms are asked for without a usable key, or a cap is too short to hold its marker. */
export function createRedactor(settings: RedactorSettings): ExplainingRedactor {
  const textCap = checkedCap(settings.maxTextLength ?? Number.POSITIVE_INFINITY, 'maxTextLength');
  const agentCap = checkedCap(settings.maxUserAgentLength ?? USER_AGENT_CAP, 'maxUserAgentLength');
  const kinds = new Set(settings.pseudonymise);
  const pseudonyms: Pseudonyms | undefined = kinds.size > 0 ? createPseudonyms(settings.keys) : undefined;
  const text = (value: string) => capped(value, textCap);
  const isHidden = (kind: PseudonymKind, clear: string) => kinds.has(kind) && clear !== '';
  return {
    text,
    path: (value) => redactPath(value, text),
    userAgent: (value) => capped(value, agentCap),
    pseudonym: (kind, clear) =>
      pseudonyms !== undefined && isHidden(kind, clear) ? pseudonyms.of(kind, clear) : text(clear),
    pseudonymsUnderEveryKey: (kind, clear) =>
      pseudonyms !== undefined && isHidden(kind, clear)
        ? pseudonyms.underEveryKey(kind, clear)
        : [text(clear)],
    explain,
  };
}

function checkedCap(cap: number, name: string): number {
  if (cap >= SHORTEST_CAP) return cap;
  throw new UserError(
    'redaction_cap',
    `Expected \`redaction.${name}\` to be at least ${SHORTEST_CAP} (the truncation marker takes that much), got ${cap}.`,
  );
}

function redactText(value: string): string {
  const spans = spansOf(value);
  return spans.length === 0 ? value : splice(value, spans);
}

/** A truncation marker at the end is ours and stays as it is, whatever stands before it. */
function spansOf(value: string): readonly Span[] {
  const end = markStart(value);
  return findSpans(end === value.length ? value : value.slice(0, end));
}

function capped(value: string, cap: number): string {
  const redacted = redactText(value);
  return redacted.length <= cap ? redacted : truncate(redacted, value, cap, redactText);
}

function explain(value: string): readonly Replacement[] {
  return spansOf(value).map((span) => ({
    rule: span.rule,
    start: span.start,
    end: span.end,
    replacement: replacementOf(span),
  }));
}
