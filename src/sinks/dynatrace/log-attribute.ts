import { delimited, fixedDouble, utf8, varint } from './wire-text.ts';

/** Attributes of a log record are its field 6, `repeated KeyValue`. */
const ATTRIBUTES = 6;

/** 64-bit integers reach to here; beyond, a number is a double. */
const INT_LIMIT = 2 ** 63;

/** Lengths of values whose heads are kept: most of ours are ids and words. */
const MAX_KEPT_HEADS = 256;

/**
 * Writes one attribute of a log record, `KeyValue` around `AnyValue`, as protobuf text. What stands before a text value
 * depends on its length alone, so it is made once for each length.
 */
export class LogAttribute {
  readonly #key: string;
  readonly #heads: string[] = [];

  constructor(name: string) {
    this.#key = delimited(1, utf8(name));
  }

  /** `bytes`: the UTF-8 bytes of the value. */
  text(bytes: string): string {
    const { length } = bytes;
    const head = this.#heads[length];
    if (head !== undefined) return head + bytes;
    const made = this.#headOf(length);
    // Filled without holes, so that the list stays a fast one.
    if (length < MAX_KEPT_HEADS) {
      for (let n = this.#heads.length; n <= length; n += 1) this.#heads.push(this.#headOf(n));
    }
    return made + bytes;
  }

  number(value: number): string {
    const isInteger = Number.isInteger(value) && value >= -INT_LIMIT && value < INT_LIMIT;
    return this.#whole(isInteger ? `\x18${varint(value)}` : `\x21${fixedDouble(value)}`);
  }

  boolean(value: boolean): string {
    return this.#whole(value ? '\x10\x01' : '\x10\x00');
  }

  /** `any`: the inside of the `AnyValue`. */
  #whole(any: string): string {
    return delimited(ATTRIBUTES, this.#key + delimited(2, any));
  }

  #headOf(length: number): string {
    const any = `\x0a${varint(length)}`;
    const value = `\x12${varint(any.length + length)}${any}`;
    return `\x32${varint(this.#key.length + value.length + length)}${this.#key}${value}`;
  }
}

/** Attributes by name, made once each. Names come from the dictionary and from allow-lists: there are not many. */
export class LogAttributes {
  readonly #byName = new Map<string, LogAttribute>();

  named(name: string): LogAttribute {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const made = new LogAttribute(name);
    if (this.#byName.size < MAX_NAMES) this.#byName.set(name, made);
    return made;
  }
}

const MAX_NAMES = 1_000;
