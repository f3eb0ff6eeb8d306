/** Where a match that begins at `at` ends, told to `next`, which says whether the rest of the pattern goes on from there. */
type Matcher = (text: string, at: number, next: (end: number) => boolean) => boolean;

/** More steps than any pattern needs for a text of a test: it explodes. */
const MOST_STEPS = 5_000_000;
const QUANTIFIER = /[*+?]\??|\{\d+(?:,\d*)?\}\??/y;
const ESCAPE = /\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|p\{\w+\}|.)/y;
const CLASS = /\[(?:\\.|[^\]\\])*\]/y;
/** Regular expressions of this file run uncounted, also while those of others are counted. */
const exec = RegExp.prototype.exec;

/**
 * A regular expression that counts what it does: every look at a character is one step, as for an engine that tries one
 * way after the other. Reads what the redactor's patterns are made of, and says so where it meets anything else.
 */
export class CountedRegExp {
  readonly #flags: string;
  readonly #source: string;
  readonly #whole: Matcher;
  #at = 0;
  #steps = 0;

  constructor({ source, flags }: RegExp) {
    this.#source = source;
    this.#flags = flags.replace(/[gyd]/g, '');
    this.#whole = this.#alternatives();
    if (this.#at < source.length) throw this.#unread('the end');
  }

  /** Steps from `from` to the first match, or to the end; where that match ends, undefined without one. */
  run(text: string, from: number, isSticky: boolean): { readonly steps: number; readonly end?: number } {
    this.#steps = 0;
    const last = isSticky ? from : text.length;
    for (let at = from; at <= last; at += 1) {
      this.#step();
      let end = -1;
      const isMatch = this.#whole(text, at, (reached) => {
        end = reached;
        return true;
      });
      if (isMatch) return { steps: this.#steps, end };
    }
    return { steps: this.#steps };
  }

  #step(): void {
    this.#steps += 1;
    if (this.#steps > MOST_STEPS) throw new Error(`/${this.#source}/ takes more than ${MOST_STEPS} steps`);
  }

  #unread(expected: string): Error {
    return new Error(
      `Expected ${expected} at ${this.#at} of /${this.#source}/, got ${this.#source.slice(this.#at)}`,
    );
  }

  #next(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = exec.call(pattern, this.#source)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #takes(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #alternatives(): Matcher {
    const ways = [this.#sequence()];
    while (this.#takes('|')) ways.push(this.#sequence());
    const [only] = ways;
    if (ways.length === 1 && only !== undefined) return only;
    return (text, at, next) => ways.some((way) => way(text, at, next));
  }

  #sequence(): Matcher {
    const terms: Matcher[] = [];
    while (this.#at < this.#source.length && !'|)'.includes(this.#source.charAt(this.#at)))
      terms.push(this.#term());
    return terms.reduceRight<Matcher>(
      (rest, term) => (text, at, next) => term(text, at, (end) => rest(text, end, next)),
      (_text, at, next) => next(at),
    );
  }

  #term(): Matcher {
    if (this.#takes('^')) return (_text, at, next) => at === 0 && next(at);
    if (this.#takes('$')) return (text, at, next) => at === text.length && next(at);
    for (const [open, isWanted] of LOOKS) if (this.#takes(open)) return this.#look(open, isWanted);
    if (this.#takes('(?:') || this.#takes('(')) return this.#repeated(this.#closed());
    return this.#character();
  }

  #closed(): Matcher {
    const inside = this.#alternatives();
    if (!this.#takes(')')) throw this.#unread('a closing bracket');
    return inside;
  }

  /** What follows or comes before, without taking it. Behind, patterns of one length are looked for. */
  #look(open: string, isWanted: boolean): Matcher {
    const inside = this.#closed();
    const isThere: Matcher = open.startsWith('(?<')
      ? (text, at) =>
          [...text.slice(0, at).slice(-40)].some((_, back) =>
            inside(text, at - 1 - back, (end) => end === at),
          )
      : (text, at) => inside(text, at, () => true);
    return (text, at, next) => isThere(text, at, () => true) === isWanted && next(at);
  }

  #character(): Matcher {
    const from = this.#at;
    if (this.#next(CLASS) === undefined && this.#next(ESCAPE) === undefined) this.#at += 1;
    const one = new RegExp(`^(?:${this.#source.slice(from, this.#at)})$`, this.#flags);
    const known = new Map<string, boolean>();
    const isOne = (character: string) => {
      this.#step();
      const told = known.get(character) ?? exec.call(one, character) !== null;
      known.set(character, told);
      return character !== '' && told;
    };
    const bounds = this.#bounds();
    if (bounds === undefined) return (text, at, next) => isOne(characterAt(text, at)) && next(at + 1);
    const { least, most, isLazy } = bounds;
    if (isLazy) throw this.#unread('a greedy quantifier');
    return (text, at, next) => {
      let count = 0;
      while (count < most && isOne(characterAt(text, at + count))) count += 1;
      for (; count >= least; count -= 1) if (next(at + count)) return true;
      return false;
    };
  }

  #repeated(inside: Matcher): Matcher {
    const bounds = this.#bounds();
    if (bounds === undefined) return inside;
    const { least, most, isLazy } = bounds;
    if (isLazy) throw this.#unread('a greedy quantifier');
    const from = (count: number): Matcher => {
      return (text, at, next) => {
        const goesOn = (end: number) => (end > at || count < least) && from(count + 1)(text, end, next);
        if (count < most && inside(text, at, goesOn)) return true;
        return count >= least && next(at);
      };
    };
    return from(0);
  }

  #bounds(): { readonly least: number; readonly most: number; readonly isLazy: boolean } | undefined {
    const text = this.#next(QUANTIFIER);
    if (text === undefined) return undefined;
    const isLazy = text.length > 1 && text.endsWith('?');
    const [least = '', most = least] = text.replace(/[{}?]/g, '').split(',');
    if (text.startsWith('*')) return { least: 0, most: Number.POSITIVE_INFINITY, isLazy };
    if (text.startsWith('+')) return { least: 1, most: Number.POSITIVE_INFINITY, isLazy };
    if (text.startsWith('?')) return { least: 0, most: 1, isLazy };
    return { least: Number(least), most: most === '' ? Number.POSITIVE_INFINITY : Number(most), isLazy };
  }
}

const LOOKS = [
  ['(?=', true],
  ['(?!', false],
  ['(?<=', true],
  ['(?<!', false],
] as const;

/** A lone surrogate is a character of its own, half of a pair is none. */
function characterAt(text: string, at: number): string {
  const unit = text.charAt(at);
  const isHalf =
    unit !== '' &&
    !unit.isWellFormed() &&
    `${text.charAt(at - 1)}${unit}${text.charAt(at + 1)}`.isWellFormed();
  return isHalf ? '' : unit;
}
