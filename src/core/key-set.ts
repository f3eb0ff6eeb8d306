/** Words of 32 bits that stand for one key. */
export const WORDS_PER_KEY = 3;
const FIRST_SLOTS = 64;
/** A table grows by half when three quarters of its slots are taken: twelve bytes of a key take 16 to 24. */
const GROWTH = 1.5;
const MOST_TAKEN = 0.75;

/**
 * A set of texts that only knows whether it has met one before: 96 bits of a hash for each, a fifth of the memory that
 * the texts themselves would take. Two of a million different texts are taken for one with a chance of one in 10^17; the
 * hash is no defence against someone who chooses texts to that end. Journals hold these hashes: the way they are made
 * never changes.
 */
export class KeySet {
  #table = new Uint32Array(FIRST_SLOTS * WORDS_PER_KEY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** False when the text was there already. */
  add(text: string): boolean {
    hashText(text);
    return this.#add(wordA, wordB, wordC);
  }

  has(text: string): boolean {
    hashText(text);
    return slotOf(this.#table, wordA, wordB, wordC) < 0;
  }

  /** Adds keys by what `hashesOf` made of them. */
  addHashes(hashes: Uint32Array): void {
    for (let at = 0; at + 2 < hashes.length; at += WORDS_PER_KEY)
      this.#add(hashes[at] ?? 0, hashes[at + 1] ?? 0, hashes[at + 2] ?? 0);
  }

  #add(a: number, b: number, c: number): boolean {
    const slot = slotOf(this.#table, a, b, c);
    if (slot < 0) return false;
    put(this.#table, slot, a, b, c);
    this.#size += 1;
    if (this.#size * WORDS_PER_KEY > this.#table.length * MOST_TAKEN) this.#grow();
    return true;
  }

  #grow(): void {
    const old = this.#table;
    const slots = Math.ceil((old.length / WORDS_PER_KEY) * GROWTH);
    this.#table = new Uint32Array(slots * WORDS_PER_KEY);
    for (let at = 0; at < old.length; at += WORDS_PER_KEY) {
      const a = old[at] ?? 0;
      const b = old[at + 1] ?? 0;
      const c = old[at + 2] ?? 0;
      if (c !== 0) put(this.#table, slotOf(this.#table, a, b, c), a, b, c);
    }
  }
}

/** Three words for each key, one key behind the other. */
export function hashesOf(keys: readonly string[]): Uint32Array {
  const hashes = new Uint32Array(keys.length * WORDS_PER_KEY);
  let at = 0;
  for (const key of keys) {
    hashText(key);
    put(hashes, at, wordA, wordB, wordC);
    at += WORDS_PER_KEY;
  }
  return hashes;
}

function put(words: Uint32Array, at: number, a: number, b: number, c: number): void {
  words[at] = a;
  words[at + 1] = b;
  words[at + 2] = c;
}

/** Index of the first free slot after the hash's own, negative when the hash is there. An empty slot is all 0. */
function slotOf(table: Uint32Array, a: number, b: number, c: number): number {
  let at = (a % (table.length / WORDS_PER_KEY)) * WORDS_PER_KEY;
  while (table[at + 2] !== 0) {
    if (table[at] === a && table[at + 1] === b && table[at + 2] === c) return -1;
    at += WORDS_PER_KEY;
    if (at === table.length) at = 0;
  }
  return at;
}

/** What the last text came to. Every event read is hashed: an answer in an object of its own would be garbage at once. */
let hashed = '';
let wordA = 0;
let wordB = 0;
let wordC = 0;
hashText('\n');

/** Three words that each depend on every character; the last is never 0. A text asked for twice in a row is hashed once. */
function hashText(text: string): void {
  if (text === hashed) return;
  let a = 0x9e3779b9;
  let b = 0x41c6ce57;
  let c = 0xdeadbeef;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    a = Math.imul(a ^ unit, 2_654_435_761);
    b = Math.imul(b ^ unit, 1_597_334_677);
    c = Math.imul(c ^ unit, 2_246_822_519);
  }
  a = Math.imul(a ^ (a >>> 16), 2_246_822_507) ^ Math.imul(b ^ (b >>> 13), 3_266_489_909);
  b = Math.imul(b ^ (b >>> 16), 2_246_822_507) ^ Math.imul(c ^ (c >>> 13), 3_266_489_909);
  c = Math.imul(c ^ (c >>> 16), 2_246_822_507) ^ Math.imul(a ^ (a >>> 13), 3_266_489_909);
  wordA = a >>> 0;
  wordB = b >>> 0;
  wordC = c >>> 0 || 1;
  hashed = text;
}
