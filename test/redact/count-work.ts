import { CountedRegExp } from './counted-regexp.ts';

/**
 * What `work` looks at: a step for each character that a regular expression tries, a search passes, or code asks for.
 * The same for the same text on every machine, so that growth can be told without a clock.
 */
export function countWork(work: () => void): number {
  const { exec } = RegExp.prototype;
  const { indexOf, lastIndexOf, includes, charAt, charCodeAt } = String.prototype;
  const counted = new Map<string, CountedRegExp>();
  let steps = 0;
  let isCounting = true;
  const uncounted = <T>(look: () => T): T => {
    isCounting = false;
    try {
      return look();
    } finally {
      isCounting = true;
    }
  };
  RegExp.prototype.exec = function count(this: RegExp, text: string) {
    const { lastIndex, global, sticky, source, flags } = this;
    const found = exec.call(this, text);
    if (!isCounting) return found;
    return uncounted(() => {
      const key = `/${source}/${flags}`;
      const pattern = counted.get(key) ?? new CountedRegExp(this);
      counted.set(key, pattern);
      const run = pattern.run(text, global || sticky ? lastIndex : 0, sticky);
      const end = found === null ? undefined : found.index + found[0].length;
      if (run.end !== end)
        throw new Error(`${key}: expected a match up to ${end}, counted one up to ${run.end}`);
      steps += run.steps;
      return found;
    });
  };
  String.prototype.charAt = function look(this: string, at: number) {
    if (isCounting) steps += 1;
    return charAt.call(this, at);
  };
  String.prototype.charCodeAt = function look(this: string, at: number) {
    if (isCounting) steps += 1;
    return charCodeAt.call(this, at);
  };
  String.prototype.indexOf = function search(this: string, what: string, from = 0) {
    const found = indexOf.call(this, what, from);
    if (isCounting) steps += 1 + Math.max(0, (found < 0 ? this.length : found) - from);
    return found;
  };
  String.prototype.lastIndexOf = function search(this: string, what: string, from = this.length) {
    const found = lastIndexOf.call(this, what, from);
    if (isCounting) steps += 1 + Math.max(0, Math.min(from, this.length) - found);
    return found;
  };
  String.prototype.includes = function search(this: string, what: string, from = 0) {
    return this.indexOf(what, from) >= 0;
  };
  try {
    work();
    return steps;
  } finally {
    RegExp.prototype.exec = exec;
    Object.assign(String.prototype, { indexOf, lastIndexOf, includes, charAt, charCodeAt });
  }
}
