import { sha256Hex } from '../core/hash.ts';
import type { LogPart, UnparsedPart } from '../model/part.ts';
import type { SourceRef } from '../model/source-event.ts';
import type { Culprit } from './culprit.ts';
import { sourceKey } from './ids.ts';
import { type Invocation, invocationKey } from './invocation.ts';
import type { Waiting } from './waiting-room.ts';

/** One line that cannot be joined costs itself; so many in one batch are a defect of ours, and stop it as any other does. */
const MOST_REFUSED = 100;

/**
 * What of a batch the join threw at. It is left out when the batch is tried again, and its lines are stored as if nobody
 * could read them: they lose their join, and nothing else waits for them.
 */
export class Refusals {
  /** By the key of a source event, a waiting line or an invocation. */
  readonly #problems = new Map<string, string>();
  readonly #lines: Waiting[] = [];
  readonly #invocations: Invocation[] = [];
  /** Parts of the batch that were turned away. */
  readonly parts = new Set<LogPart>();

  get isEmpty(): boolean {
    return this.#problems.size === 0;
  }

  get lines(): readonly Waiting[] {
    return this.#lines;
  }

  get invocations(): readonly Invocation[] {
    return this.#invocations;
  }

  has(key: string): boolean {
    return this.#problems.has(key);
  }

  /** False when that helps nobody: it was turned away before, or too many were. */
  add(culprit: Culprit, error: unknown): boolean {
    const key = keyOf(culprit);
    if (this.#problems.has(key) || this.#problems.size >= MOST_REFUSED) return false;
    this.#problems.set(
      key,
      `fault while joining the line: ${error instanceof Error ? error.name : typeof error}`,
    );
    if ('route' in culprit) this.#lines.push(culprit);
    else if (!('role' in culprit)) this.#invocations.push(culprit);
    return true;
  }

  /** The part as it is to be taken in: itself, or as a line that nobody could read. */
  admit(part: LogPart): LogPart {
    if (this.isEmpty || (part.role !== 'access' && part.role !== 'authorizer')) return part;
    const problem =
      this.#problems.get(sourceKey(part.source)) ??
      (part.role === 'authorizer'
        ? this.#problems.get(invocationKey(part.unit, part.lambdaRequestId))
        : undefined);
    if (problem === undefined) return part;
    this.parts.add(part);
    return unreadable(part.role, part.source, problem, part);
  }

  /** Lines of earlier batches that stand in no record yet. */
  *heldBack(): Generator<UnparsedPart> {
    for (const entry of this.#lines) {
      const problem = this.#problems.get(keyOf(entry));
      if (entry.left || entry.part === undefined || problem === undefined) continue;
      yield unreadable('access', entry.part.source, problem, entry.part);
    }
    for (const { key, claim, ownRecordId, sources, texts } of this.#invocations) {
      const problem = this.#problems.get(key);
      if (claim !== undefined || ownRecordId !== undefined || problem === undefined) continue;
      for (const source of sources) {
        const text = texts.find(({ eventId }) => eventId === source.eventId)?.text ?? '';
        yield unreadable('authorizer', source, problem, text);
      }
    }
  }
}

/** A line of this batch that began to wait in it is turned away as its part is. */
function keyOf(culprit: Culprit): string {
  if ('role' in culprit) return sourceKey(culprit.source);
  if ('route' in culprit) return culprit.part === undefined ? culprit.key : sourceKey(culprit.part.source);
  return culprit.key;
}

/**
 * A line's own text is not kept beyond reading: text, hash and length are of what was read of it, redacted. What the fault
 * said is not kept, for it may quote the line.
 */
export function unreadable(
  of: UnparsedPart['of'],
  source: SourceRef,
  problem: string,
  read: unknown,
): UnparsedPart {
  const raw = textOf(read);
  return { role: 'unparsed', of, source, problem, raw, rawSha256: sha256Hex(raw), rawLength: raw.length };
}

function textOf(read: unknown): string {
  try {
    return typeof read === 'string' ? read : (JSON.stringify(read) ?? '');
  } catch {
    // What cannot be written down may be the very thing that made the join throw.
    return '';
  }
}
