/**
 * Randomness that a seed decides. Two generators made from the same seed and label give the same numbers on every
 * machine; different labels are independent, so one part of the fleet may draw more without disturbing another.
 */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** Integer in [0, bound). */
  int(bound: number): number;
  /** Integer in [from, to], both included. */
  between(from: number, to: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** Exponentially distributed with this mean: the gap between arrivals of a Poisson process. */
  exponential(mean: number): number;
  /** Lognormal with this median; `sigma` is the standard deviation of the logarithm. */
  lognormal(median: number, sigma: number): number;
  /** A version 4 UUID in lower case. */
  uuid(): string;
  /** `length` lower-case hexadecimal digits. */
  hex(length: number): string;
  /** `length` decimal digits. */
  digits(length: number): string;
  /** `length` characters of the base64 alphabet without its two signs. */
  letters(length: number): string;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const BYTE_HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function createRandom(seed: number, label: string): Random {
  const draw = sfc32(seed, label);
  const next = () => draw() / 4_294_967_296;
  const int = (bound: number) => Math.floor(next() * bound);
  return {
    next,
    int,
    between: (from, to) => from + int(to - from + 1),
    chance: (probability) => next() < probability,
    pick: (list) => pickFrom(list, int),
    exponential: (mean) => -mean * Math.log(1 - next()),
    lognormal: (median, sigma) => median * Math.exp(sigma * normal(next)),
    uuid: () => uuidFrom(draw),
    hex: (length) => repeated(length, 8, () => hex8(draw())),
    digits: (length) => repeated(length, 9, () => String(int(1e9)).padStart(9, '0')),
    letters: (length) => lettersFrom(length, int),
  };
}

/** A number in [0, 2^32) that depends on the whole text: FNV-1a with a final mix. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Small Fast Counter of PractRand: 128 bits of state, passes its tests, a few nanoseconds a number. */
function sfc32(seed: number, label: string): () => number {
  let a = hash32(`${label}/a/${seed}`);
  let b = hash32(`${label}/b/${seed}`);
  let c = hash32(`${label}/c/${seed}`);
  let counter = 1;
  const draw = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 15; i++) draw();
  return draw;
}

function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

function pickFrom<T>(list: readonly T[], int: (bound: number) => number): T {
  const item = list[int(list.length)];
  if (item === undefined)
    throw new RangeError('Expected a list with at least one item to pick from, got an empty one');
  return item;
}

/** Pieces are joined, not added up: a flat string takes a fraction of the memory of a tree of pieces. */
function repeated(length: number, step: number, make: () => string): string {
  const pieces: string[] = [];
  for (let made = 0; made < length; made += step) pieces.push(make());
  return pieces.join('').slice(0, length);
}

function lettersFrom(length: number, int: (bound: number) => number): string {
  const codes: number[] = [];
  for (let i = 0; i < length; i++) codes.push(ALPHABET.charCodeAt(int(ALPHABET.length)));
  return String.fromCharCode(...codes);
}

function hex8(word: number): string {
  return hexByte(word >>> 24) + hexByte(word >>> 16) + hexByte(word >>> 8) + hexByte(word);
}

function hexByte(word: number): string {
  return BYTE_HEX[word & 255] ?? '00';
}

function uuidFrom(draw: () => number): string {
  const b = draw();
  const c = draw();
  const version = hexByte(((b >>> 8) & 15) | 64) + hexByte(b);
  const variant = hexByte(((c >>> 24) & 63) | 128) + hexByte(c >>> 16);
  const tail = hexByte(c >>> 8) + hexByte(c) + hex8(draw());
  return [hex8(draw()), hexByte(b >>> 24) + hexByte(b >>> 16), version, variant, tail].join('-');
}
