const WORDS = 3;
const FIRST_SLOTS = 1_024;

/**
 * A set of texts that only knows whether it has met one before: 96 bits of a hash for each, a fifth of the memory that
 * the texts themselves would take. Two of a million different texts are taken for one with a chance of one in 10^17; the
 * hash is no defence against someone who chooses texts to that end.
 */
export class KeySet {
  #table = new Uint32Array(FIRST_SLOTS * WORDS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** False when the text was there already. */
  add(text: string): boolean {
    const [a, b, c] = hashOf(text);
    if (!place(this.#table, a, b, c)) return false;
    this.#size += 1;
    if (this.#size * WORDS * 2 > this.#table.length) this.#grow();
    return true;
  }

  #grow(): void {
    const old = this.#table;
    this.#table = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += WORDS) {
      const [a = 0, b = 0, c = 0] = [old[at], old[at + 1], old[at + 2]];
      if (c !== 0) place(this.#table, a, b, c);
    }
  }
}

/** Puts the hash into the first free slot after its own; false when it stands there already. An empty slot is all 0. */
function place(table: Uint32Array, a: number, b: number, c: number): boolean {
  const slots = table.length / WORDS;
  for (let slot = a % slots; ; slot = (slot + 1) % slots) {
    const at = slot * WORDS;
    if (table[at + 2] === 0) {
      table[at] = a;
      table[at + 1] = b;
      table[at + 2] = c;
      return true;
    }
    if (table[at] === a && table[at + 1] === b && table[at + 2] === c) return false;
  }
}

/** Three words that each depend on every character; the last is never 0. */
function hashOf(text: string): readonly [number, number, number] {
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
  return [a >>> 0, b >>> 0, c >>> 0 || 1];
}
