import type { Claim, Invocation } from './invocation.ts';
import { type JoinStep, reviseLater } from './join-step.ts';
import { loadInvocations } from './load-invocations.ts';
import { compete } from './rival-claims.ts';
import { readLinesBack } from './thin-invocation.ts';

/** Where every line has a second key that names nothing, so many of an hour are kept: it is not what they are kept for. */
const MOST_PER_HOUR = 1_000;
const HOUR_MS = 3_600_000;

/** Notes which lines turn out to contradict themselves once the invocation of their second key is read. */
export async function indexTorn(step: JoinStep): Promise<void> {
  const { torn, tornNew, memory, nowMs, settings } = step;
  if (tornNew.size === 0) return;
  const { tornBudget: budget } = memory;
  if (nowMs - budget.sinceMs >= HOUR_MS) Object.assign(budget, { sinceMs: nowMs, kept: 0 });
  const kept = [...tornNew].slice(0, MOST_PER_HOUR - budget.kept);
  budget.kept += kept.length;
  await torn.load(
    step.store,
    kept.map(([other]) => other),
  );
  for (const [other, lines] of kept) {
    for (const line of lines) {
      if (torn.get(other).some(({ claim }) => claim.recordId === line.claim.recordId)) continue;
      torn.add(other, line, nowMs + settings.latenessMs);
      memory.mayBeStored.torn = true;
    }
  }
}

/** Invocations were read for the first time that lines name beside another one: those lines are in doubt now. */
export async function tearLines(step: JoinStep): Promise<void> {
  const { torn, fresh, memory, store } = step;
  if (fresh.size === 0 || !memory.mayBeStored.torn) return;
  await torn.load(store, fresh);
  const lines = [...fresh].flatMap((other) => torn.get(other));
  if (lines.length === 0) return;
  const firsts = new Set(lines.map(({ first }) => first));
  await loadInvocations(step, firsts);
  const known = [...firsts].flatMap((key) => memory.invocations.get(key) ?? []);
  await readLinesBack(store, known);
  for (const line of lines) tear(step, memory.invocations.get(line.first), line.claim);
  const expiresMs = step.nowMs + step.settings.latenessMs;
  for (const other of fresh) if (torn.get(other).length > 0) torn.clear(other, expiresMs);
}

function tear(step: JoinStep, invocation: Invocation | undefined, line: Claim): void {
  // Without the record that has its lines there is nothing to hand over: it stays as it is.
  if (invocation === undefined || invocation.sources.length === 0) return;
  step.at = invocation;
  const claim = { ...line, isTorn: true };
  compete(step, invocation, claim);
  reviseLater(step, claim, invocation);
}
