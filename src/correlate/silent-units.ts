import type { AuthorizerLinePart } from '../model/part.ts';

/** Invocations seen to their end before what none of them had counts as what the function never logs. */
const ENOUGH = 50;

interface Habits {
  ended: number;
  decided: boolean;
  began: boolean;
}

/** Learns which authorizer functions log no decision, or no START, so that nobody waits for what never comes. */
export class SilentUnits {
  readonly #units = new Map<string, Habits>();

  observe(line: AuthorizerLinePart): void {
    let unit = this.#units.get(line.unit);
    if (unit === undefined) {
      unit = { ended: 0, decided: false, began: false };
      this.#units.set(line.unit, unit);
    }
    if (line.decision !== undefined) unit.decided = true;
    if (line.line === 'start') unit.began = true;
    if (line.line === 'report') unit.ended += 1;
  }

  logsNoDecision(unit: string): boolean {
    const known = this.#known(unit);
    return known !== undefined && !known.decided;
  }

  logsNoStart(unit: string): boolean {
    const known = this.#known(unit);
    return known !== undefined && !known.began;
  }

  #known(unit: string): Habits | undefined {
    const habits = this.#units.get(unit);
    return habits === undefined || habits.ended < ENOUGH ? undefined : habits;
  }
}
