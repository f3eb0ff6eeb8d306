const STEPS = [
  ['GB', 1e9],
  ['MB', 1e6],
  ['kB', 1e3],
] as const;

/** A size for people, in decimal units with at most one decimal place: `1536` → `1.5 kB`. */
export function formatBytes(bytes: number): string {
  for (const [unit, size] of STEPS) {
    if (Math.abs(bytes) >= size) return `${trimmed(bytes / size)} ${unit}`;
  }
  return `${Math.round(bytes)} B`;
}

function trimmed(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '');
}
