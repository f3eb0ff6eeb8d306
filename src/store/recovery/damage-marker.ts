import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** Stands beside a journal that was found damaged while it was in use: the next opening must not trust it. */
export function damageMarkerOf(path: string): string {
  return `${path}.damaged`;
}

/** Best effort: on a disk that takes nothing, the next statement that meets the damage writes it again. */
export function markDamaged(path: string, problem: string): void {
  try {
    writeFileSync(damageMarkerOf(path), `${problem}\n`, { mode: 0o600 });
  } catch {
    // The damage itself is what the caller reports.
  }
}

/** What was found, or `undefined` for a journal that nobody complained about. */
export function damageNoted(path: string): string | undefined {
  const marker = damageMarkerOf(path);
  return existsSync(marker) ? readFileSync(marker, 'utf8').trim() : undefined;
}
