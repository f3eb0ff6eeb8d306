import { UserError } from '../core/errors.ts';
import type { AlarmState } from './alarm-state.ts';
import { childrenOf, holds, type RuleNode } from './composite-rule.ts';
import { Suppression, type SuppressorSettings } from './suppressor.ts';

export interface CompositeSettings {
  readonly name: string;
  readonly rule: RuleNode;
  readonly suppressor?: SuppressorSettings & { readonly alarm: string };
}

export interface StateChangeAt {
  readonly atMs: number;
  readonly alarm: string;
  readonly to: AlarmState;
}

/** An action is taken: the state somebody is told of, and when. */
export interface ActionAt {
  readonly atMs: number;
  readonly alarm: string;
  readonly state: AlarmState;
}

export interface CompositeRun {
  /** State of each composite at the start: the one given, else what its rule gives. */
  readonly initial: ReadonlyMap<string, AlarmState>;
  readonly changes: readonly StateChangeAt[];
  readonly actions: readonly ActionAt[];
}

/**
 * Children before parents.
 *
 * @throws {UserError} `alarm_cycle`: CloudWatch stops evaluating composites that name each other, and refuses to delete them.
 */
export function bottomUp<C extends { readonly name: string; readonly rule: RuleNode }>(
  composites: readonly C[],
): readonly C[] {
  const byName = new Map(composites.map((composite) => [composite.name, composite]));
  const done = new Set<string>();
  const ordered: C[] = [];
  const visit = (composite: C, path: readonly string[]): void => {
    if (done.has(composite.name)) return;
    if (path.includes(composite.name)) throw cycleError([...path, composite.name]);
    for (const child of childrenOf(composite.rule)) {
      const inner = byName.get(child);
      if (inner !== undefined) visit(inner, [...path, composite.name]);
    }
    done.add(composite.name);
    ordered.push(composite);
  };
  for (const composite of composites) visit(composite, []);
  return ordered;
}

/**
 * Replays composites over the state changes of their children. States not given at the start are INSUFFICIENT_DATA. A
 * composite without suppressor acts on each change; one with a suppressor acts when its timers let it.
 */
export function compositeTimeline(settings: {
  readonly composites: readonly CompositeSettings[];
  readonly changes: readonly StateChangeAt[];
  readonly initial: ReadonlyMap<string, AlarmState>;
  /** Timers that end later than this do not act. */
  readonly toMs: number;
}): CompositeRun {
  const replay = new CompositeReplay(bottomUp(settings.composites), settings.initial);
  const ascending = settings.changes.toSorted((one, other) => one.atMs - other.atMs);
  for (const [atMs, together] of Map.groupBy(ascending, (change) => change.atMs)) {
    replay.take(atMs, together);
  }
  replay.advance(settings.toMs);
  return replay;
}

class CompositeReplay implements CompositeRun {
  readonly changes: StateChangeAt[] = [];
  readonly actions: ActionAt[] = [];
  readonly #composites: readonly CompositeSettings[];
  readonly initial: ReadonlyMap<string, AlarmState>;
  readonly #states: Map<string, AlarmState>;
  readonly #suppressions = new Map<string, Suppression>();

  constructor(composites: readonly CompositeSettings[], initial: ReadonlyMap<string, AlarmState>) {
    this.#composites = composites;
    this.#states = new Map(initial);
    for (const composite of composites) {
      this.#states.set(composite.name, initial.get(composite.name) ?? this.#stateOf(composite.rule));
    }
    this.initial = new Map(this.#states);
    const stateOf = (alarm: string) => this.initial.get(alarm) ?? 'INSUFFICIENT_DATA';
    for (const { name, suppressor } of composites) {
      if (suppressor === undefined) continue;
      const states = { composite: stateOf(name), suppressor: stateOf(suppressor.alarm) };
      this.#suppressions.set(name, new Suppression(suppressor, states));
    }
  }

  /**
   * Takes all changes of one moment before it looks at any composite: `ALARM(a) AND NOT ALARM(b)` must not fire for an
   * instant because a stands before b.
   */
  take(atMs: number, changes: readonly StateChangeAt[]): void {
    this.advance(atMs);
    for (const change of changes) this.#apply(change);
    for (const composite of this.#composites) {
      const next = this.#stateOf(composite.rule);
      if (next === this.#states.get(composite.name)) continue;
      const changed = { atMs, alarm: composite.name, to: next };
      this.changes.push(changed);
      this.#apply(changed);
      this.#tell(changed);
    }
  }

  /** Lets the timers that end by `nowMs` act, oldest first. */
  advance(nowMs: number): void {
    const due: ActionAt[] = [];
    for (const [alarm, suppression] of this.#suppressions) {
      const action = suppression.advance(nowMs);
      if (action !== undefined) due.push({ alarm, ...action });
    }
    this.actions.push(...due.sort((one, other) => one.atMs - other.atMs));
  }

  #apply(change: StateChangeAt): void {
    this.#states.set(change.alarm, change.to);
    for (const composite of this.#composites) {
      if (composite.suppressor?.alarm !== change.alarm) continue;
      this.#suppressions.get(composite.name)?.suppressorChanged(change.to, change.atMs);
    }
  }

  #tell(change: StateChangeAt): void {
    const suppression = this.#suppressions.get(change.alarm);
    if (suppression === undefined) {
      this.actions.push({ atMs: change.atMs, alarm: change.alarm, state: change.to });
    } else {
      suppression.compositeChanged(change.to, change.atMs);
    }
  }

  #stateOf(rule: RuleNode): AlarmState {
    const met = holds(rule, (alarm) => this.#states.get(alarm) ?? 'INSUFFICIENT_DATA');
    return met ? 'ALARM' : 'OK';
  }
}

function cycleError(path: readonly string[]): UserError {
  return new UserError(
    'alarm_cycle',
    `Expected composites that do not name each other, got ${path.join(' -> ')}. CloudWatch would stop evaluating them: ` +
      'take one of these names out of its rule',
  );
}
