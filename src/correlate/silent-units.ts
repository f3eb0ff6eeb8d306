import type { AuthorizerLinePart } from '../model/part.ts';

/** Invocations seen to their end before a function without a single decision counts as one that never logs any. */
const ENOUGH = 50;

/** Learns which authorizer functions log no decision, so that nobody waits for what never comes. */
export class SilentUnits {
  readonly #units = new Map<string, { ended: number; decided: boolean }>();

  observe(line: AuthorizerLinePart): void {
    let unit = this.#units.get(line.unit);
    if (unit === undefined) {
      unit = { ended: 0, decided: false };
      this.#units.set(line.unit, unit);
    }
    if (line.decision !== undefined) unit.decided = true;
    if (line.line === 'report') unit.ended += 1;
  }

  isSilent(unit: string): boolean {
    const known = this.#units.get(unit);
    return known !== undefined && !known.decided && known.ended >= ENOUGH;
  }
}
