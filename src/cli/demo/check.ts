/** How many findings of a check are shown: enough to start from. */
const SHOWN = 3;

/** One comparison with the truth: how much was compared, and what did not hold, naming the record. */
export class Check {
  readonly name: string;
  readonly findings: string[] = [];
  #compared = 0;
  #failed = 0;

  constructor(name: string) {
    this.name = name;
  }

  get compared(): number {
    return this.#compared;
  }

  get failed(): number {
    return this.#failed;
  }

  /** Counts one comparison; `finding` is only made when it does not hold. */
  expect(holds: boolean, finding: () => string): void {
    this.#compared += 1;
    if (holds) return;
    this.#failed += 1;
    if (this.findings.length < SHOWN) this.findings.push(finding());
  }

  lines(): string[] {
    const verdict = this.#failed === 0 ? 'ok  ' : 'FAIL';
    const failed = this.#failed === 0 ? '' : `, ${count(this.#failed)} wrong`;
    const more =
      this.#failed > this.findings.length
        ? [`       … and ${count(this.#failed - this.findings.length)} more`]
        : [];
    return [
      `${verdict} ${this.name}: ${count(this.#compared)} compared${failed}`,
      ...this.findings.map((finding) => `       ${finding}`),
      ...more,
    ];
  }
}

export function count(value: number): string {
  return value.toLocaleString('en-US');
}
