/**
 * Protobuf as text: each character is one byte (Latin-1). Joining strings and writing them out once is several times
 * faster than a writer that sizes and writes value by value, because V8 copies long texts whole. The forms are those of
 * the protobuf encoding guide; a test holds each against OpenTelemetry's own serializer, byte by byte.
 */

const MAX_REMEMBERED = 512;

/** Varints of the small numbers: lengths, mostly. */
const SMALL_VARINTS: readonly string[] = Array.from({ length: MAX_REMEMBERED }, (_, n) => positiveVarint(n));

/** An integer of at most 64 bits, negative ones as their two's complement. */
export function varint(value: number): string {
  const known = SMALL_VARINTS[value];
  if (known !== undefined) return known;
  return Number.isSafeInteger(value) && value >= 0 ? positiveVarint(value) : anyVarint(value);
}

function positiveVarint(value: number): string {
  let text = '';
  let rest = value;
  while (rest > 127) {
    text += String.fromCharCode((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return text + String.fromCharCode(rest);
}

function anyVarint(value: number): string {
  let text = '';
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    text += String.fromCharCode(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return text + String.fromCharCode(Number(rest));
}

/** A field of wire type 2 (text, bytes, message): `content` is bytes already. Field numbers up to 15. */
export function delimited(field: number, content: string): string {
  return String.fromCharCode((field << 3) | 2) + varint(content.length) + content;
}

/** The UTF-8 bytes of a text; a lone surrogate becomes U+FFFD. */
export function utf8(text: string): string {
  return /[\u0080-\uffff]/.test(text) ? Buffer.from(text).toString('latin1') : text;
}

const SCRATCH = Buffer.alloc(8);

/** Milliseconds since the epoch as nanoseconds in a fixed64. */
export function fixedNanos(ms: number): string {
  if (!Number.isSafeInteger(ms) || ms < 0) return fixedNanosOfAny(ms);
  // ms = a · 65,536 + b: both products stay exact in a double.
  const low = (ms % 65_536) * 1_000_000;
  const high = Math.floor(ms / 65_536) * 1_000_000 + Math.floor(low / 65_536);
  SCRATCH.writeUInt16LE(low % 65_536, 0);
  SCRATCH.writeUIntLE(high, 2, 6);
  return SCRATCH.toString('latin1');
}

function fixedNanosOfAny(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const nanos = Math.round((ms - seconds * 1_000) * 1_000_000);
  SCRATCH.writeBigUInt64LE(BigInt.asUintN(64, BigInt(seconds) * 1_000_000_000n + BigInt(nanos)));
  return SCRATCH.toString('latin1');
}

/** A double in eight bytes. */
export function fixedDouble(value: number): string {
  SCRATCH.writeDoubleLE(value);
  return SCRATCH.toString('latin1');
}
