import { type Logger, silentLogger } from '../core/logger.ts';
import type { LogPart } from '../model/part.ts';
import { admitLine } from './admit-line.ts';
import { reviseClaims } from './claim-revision.ts';
import { reviseConnections } from './connection-backlog.ts';
import { settleConnections } from './connection-join.ts';
import { type CorrelateSettings, openForMs } from './correlate-settings.ts';
import type { CorrelateBatch, Correlation, CorrelationStore, Topology } from './correlation.ts';
import type { Culprit } from './culprit.ts';
import { hasLeft } from './gateway-join.ts';
import { gatewayRefOf, type Invocation } from './invocation.ts';
import { allUnfinished, emptyMemory, type JoinMemory, restoreMemory } from './join-memory.ts';
import { type JoinStep, newJoinStep } from './join-step.ts';
import { indexLonely } from './lonely-index.ts';
import { takeNamed } from './named-backlog.ts';
import { settleNamed } from './named-join.ts';
import { unparkLines } from './parked-lines.ts';
import { Refusals } from './refusals.ts';
import { release } from './release.ts';
import { giveUpUnreadable, readWaitingOn } from './resume-waiting.ts';
import { reconsider } from './rival-claims.ts';
import { addLines, addUnwritten, type Settling } from './settling.ts';
import { SilentUnits } from './silent-units.ts';
import { STATE_KINDS } from './state-rows.ts';
import { correlationOf } from './state-writing.ts';
import { takeLines } from './take-lines.ts';
import { makeThin, mayBeThin } from './thin-invocation.ts';
import { indexTorn, tearLines } from './torn-lines.ts';
import { finishWaiting } from './waiting-line.ts';
import type { Waiting } from './waiting-room.ts';

export { type CorrelateSettings, defaultCorrelateSettings } from './correlate-settings.ts';
export type { CorrelateBatch, Correlation, Topology } from './correlation.ts';

/**
 * Joins access lines with the decisions behind them, one committed batch at a time. State is rebuilt from the journal on
 * start and after a failed commit (`reset`), so that memory never runs ahead of the disk.
 *
 *   access line ──routePart──► done ─────────────────────────────► record
 *                    └───────► waits for invocation / gateway id / connection
 *                                 ├─ partner complete ───────────► record
 *                                 └─ watermark or hold passes ───► record without partner, kept `left`
 *                                                                    └─ partner comes late ─► revision
 *   authorizer line ─► invocation ─ unclaimed when access watermark passes ─► authorizer_only record
 */
export class Correlator {
  readonly #store: CorrelationStore;
  readonly #settings: CorrelateSettings;
  readonly #topology: () => Topology;
  readonly #logger: Logger;
  readonly #silent = new SilentUnits();
  #memory: JoinMemory;
  /** True while memory is not all that the journal had: rebuilding it has failed. */
  #isHalf = false;
  /** Invocations that the last result is about. */
  #touched: Iterable<Invocation> = NOTHING;

  constructor(options: {
    readonly store: CorrelationStore;
    readonly settings: CorrelateSettings;
    readonly topology: () => Topology;
    /** Absent: nobody is told. */
    readonly logger?: Logger;
  }) {
    this.#store = options.store;
    this.#settings = options.settings;
    this.#topology = options.topology;
    this.#logger = options.logger ?? silentLogger;
    this.#memory = emptyMemory(this.#settings, this.#silent);
  }

  /** Lines that wait for a partner, those that already left included. */
  get pending(): number {
    return this.#memory.waiting.size;
  }

  /** Lines that were read and whose record has not gone out yet, by unit. */
  get settling(): Settling {
    const settling = new Map<string, number>();
    for (const { unit, left } of this.#memory.waiting.all()) if (!left) addLines(settling, unit, 1);
    for (const invocation of this.#memory.invocations.all()) addUnwritten(settling, invocation);
    return settling;
  }

  /** How long a record may still be revised by what comes late, milliseconds. */
  get latenessMs(): number {
    return this.#settings.latenessMs;
  }

  /** True while lines are left to batches to come that bring nothing: more of them than one takes on. */
  get isBehind(): boolean {
    return this.#memory.isCutShort || allUnfinished(this.#memory).some(({ isEmpty }) => !isEmpty);
  }

  /** Time by which what is kept is to be judged while that lasts, milliseconds; infinite while it does not. */
  get heldSinceMs(): number {
    // What is unfinished is not known: nothing may be forgotten.
    if (this.#isHalf) return 0;
    return Math.min(...allUnfinished(this.#memory).map(({ sinceMs }) => sinceMs));
  }

  get connectionsInMemory(): number {
    return this.#memory.connections.size;
  }

  get invocationsInMemory(): number {
    return this.#memory.invocations.size;
  }

  /**
   * Rebuilds memory from the journal. Call once at start, and after a commit that failed. Where that fails too, the next
   * batch begins with it: what memory lacks would be judged as if it had never been read.
   */
  async reset(): Promise<void> {
    this.#isHalf = true;
    this.#memory = emptyMemory(this.#settings, this.#silent);
    this.#touched = NOTHING;
    await restoreMemory(this.#memory, this.#store, this.#settings, this.#logger);
    this.#memory.waiting.trim(this.#settings.bodiesInMemory);
    this.#isHalf = false;
  }

  /** Takes one batch in and returns what became of it and of everything it set free. Commit it, then call `committed`. */
  async process(batch: CorrelateBatch): Promise<Correlation> {
    if (this.#isHalf) await this.reset();
    const refusals = new Refusals();
    for (;;) {
      const step = this.#newStep(batch, refusals);
      try {
        return await this.#join(step, batch.parts);
      } catch (error) {
        if (step.at === undefined || !refusals.add(step.at, error)) throw error;
        this.#tellLeftOut(step.at, error);
        await this.reset();
      }
    }
  }

  /** Of parts of the batch, whoever brought them is told. What the error says may quote the line. */
  #tellLeftOut(culprit: Culprit, error: unknown): void {
    if ('role' in culprit) return;
    const reason = error instanceof Error ? error.name : typeof error;
    this.#logger.error({ key: culprit.key, reason }, LEFT_OUT);
  }

  async #join(step: JoinStep, parts: readonly LogPart[]): Promise<Correlation> {
    for (const unfinished of allUnfinished(step.memory)) await unfinished.load(step.store, step.logger);
    const resumed = await readWaitingOn(step);
    giveUpUnreadable(step);
    // Every authorizer line of the batch stands before the first access line is judged.
    const accessLines = await takeLines(step, withoutRefused(step, parts));
    await tearLines(step);
    reconsider(step);
    for (const part of accessLines) {
      step.at = part;
      admitLine(step, part);
    }
    step.at = undefined;
    await settleTouched(step, resumed);
    step.at = undefined;
    await release(step);
    step.at = undefined;
    await reviseClaims(step);
    await settleConnections(step);
    await reviseConnections(step);
    await indexLonely(step);
    await indexTorn(step);
    this.#touched = step.touched;
    step.memory.isCutShort = step.isCutShort;
    return correlationOf(step);
  }

  /** The last result is on disk: lines that a record has, and what is above the memory bounds, may go. */
  committed(nowMs: number): void {
    const { waiting, invocations, connections } = this.#memory;
    for (const invocation of this.#touched) {
      if (invocation.stored === STATE_KINDS.invocation && mayBeThin(invocation)) makeThin(invocation);
    }
    this.#touched = NOTHING;
    waiting.trim(this.#settings.bodiesInMemory);
    connections.trim(this.#settings.connectionsInMemory);
    invocations.trim(this.#settings.invocationsInMemory, nowMs, openForMs(this.#settings));
  }

  #newStep(batch: CorrelateBatch, refusals: Refusals): JoinStep {
    const context = {
      store: this.#store,
      settings: this.#settings,
      topology: this.#topology(),
      memory: this.#memory,
      logger: this.#logger,
      refusals,
    };
    return newJoinStep(context, batch);
  }
}

const NOTHING: readonly Invocation[] = [];

const LEFT_OUT =
  'the join failed at an invocation or at a line that waits: it is left out, and its lines that stand in no record are kept as unparsed; this is a defect of Gatewatch, report it';

/** What could not be joined is forgotten, and its lines are taken in as lines that nobody could read. */
function withoutRefused(step: JoinStep, parts: readonly LogPart[]): readonly LogPart[] {
  const { refusals, memory } = step;
  if (refusals.isEmpty) return parts;
  for (const { key } of refusals.lines) {
    const entry = memory.waiting.get(key);
    if (entry !== undefined) finishWaiting(step, entry);
  }
  for (const { key } of refusals.invocations) memory.invocations.remove(key);
  return [...parts.map((part) => refusals.admit(part)), ...refusals.heldBack()];
}

/** Looks again at the lines that waited for an invocation which now has more to tell. */
async function settleTouched(step: JoinStep, resumed: readonly Waiting[]): Promise<void> {
  await unparkLines(step);
  const ready = [...resumed, ...(await takeNamed(step))];
  const reopened: string[] = [];
  for (const invocation of step.touched) {
    const ref = gatewayRefOf(invocation);
    if (ref !== undefined && hasLeft(step, ref)) reopened.push(ref);
  }
  await settleNamed(step, ready);
  for (const ref of reopened) step.gatewayRefs.add(ref);
  await settleConnections(step);
}
