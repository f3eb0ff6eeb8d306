/**
 * What is wrong with the Node that runs us, as one sentence; undefined when nothing is. Said before anything else is
 * loaded: an earlier Node lacks modules that we import, and would end with a stack that names one of them.
 *
 * @param wanted `engines.node` of our package.json: `>=` and a version.
 * @param running `process.version`, such as `v20.11.1`.
 */
export function nodeComplaint(wanted: string, running: string): string | undefined {
  const lowest = wanted.replace(/^>=/, '');
  if (compareVersions(running.replace(/^v/, ''), lowest) >= 0) return undefined;
  return `Expected Node >= ${lowest} (engines in package.json of gatewatch), got ${running}: install Node ${lowest} or newer, or start this with one that is.`;
}

/** By their three numbers; what follows a dash makes no difference here. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  for (const at of [0, 1, 2]) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(version: string): readonly number[] {
  return (version.split('-')[0] ?? '').split('.').map(Number);
}
