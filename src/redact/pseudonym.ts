import { createHmac } from 'node:crypto';
import { UserError } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';

export type PseudonymKind = 'principal' | 'customer';

/** A secret that pseudonyms are made under. A changed secret needs a new `id`: the id says which secret made a pseudonym. */
export interface PseudonymKey {
  readonly id: string;
  readonly secret: Secret | string;
}

export interface Pseudonyms {
  /** The pseudonym under the current (first) key; a pseudonym of a live key comes back as it is. */
  of(kind: PseudonymKind, clear: string): string;
  /** The pseudonyms under every live key, current first: what a look-up must ask for while keys rotate. */
  underEveryKey(kind: PseudonymKind, clear: string): string[];
}

const KEY_ID = /^[A-Za-z0-9-]{1,32}$/;
const PSEUDONYM = /^psn_([A-Za-z0-9-]{1,32})_[A-Za-z0-9_-]{22}$/;
/** A log holds few customers and principals at a time, again and again; a keyed hash costs microseconds. */
const CACHED = 20_000;

/** Which key made this pseudonym; `undefined` when the text is none. */
export function pseudonymKeyId(text: string): string | undefined {
  return text.startsWith('psn_') ? PSEUDONYM.exec(text)?.[1] : undefined;
}

/**
 * Keyed-hash pseudonyms: `psn_<key id>_<22 characters>`, the first 128 bits of HMAC-SHA256 over kind, line break and
 * clear text, in base64url. The same person has the same pseudonym everywhere, and nobody without the secret can try names.
 *
 * A text of a pseudonym's form is hashed like any other unless it names a live key, so a caller who chooses his
 * own name cannot take another's pseudonym under a key that does not exist.
 */
export function createPseudonyms(keys: readonly PseudonymKey[]): Pseudonyms {
  const secrets = keys.map((key) => ({ id: checkedId(key.id), secret: revealed(key) }));
  const ids = new Set(secrets.map((key) => key.id));
  const current = secrets[0];
  if (current === undefined || ids.size !== secrets.length) throw wrongKeys(secrets.length - ids.size);
  const hash = (key: { id: string; secret: string }, kind: PseudonymKind, clear: string) =>
    `psn_${key.id}_${createHmac('sha256', key.secret).update(`${kind}\n${clear.toWellFormed()}`).digest('base64url').slice(0, 22)}`;
  const isOurs = (text: string) => ids.has(pseudonymKeyId(text) ?? '');
  const cached = { principal: createCache(CACHED), customer: createCache(CACHED) };
  return {
    of: (kind, clear) => (isOurs(clear) ? clear : cached[kind].get(clear, () => hash(current, kind, clear))),
    underEveryKey: (kind, clear) => (isOurs(clear) ? [clear] : secrets.map((key) => hash(key, kind, clear))),
  };
}

function checkedId(id: string): string {
  if (KEY_ID.test(id)) return id;
  throw new UserError(
    'redaction_key_id',
    `Expected the id of a pseudonym key to be 1 to 32 letters, digits or "-", got \`${id}\` (redaction.keys). It stands in every pseudonym made under the key.`,
  );
}

function revealed(key: PseudonymKey): string {
  const secret = typeof key.secret === 'string' ? key.secret : key.secret.reveal();
  if (secret.trim().length >= 16) return secret.trim();
  throw new UserError(
    'redaction_key_short',
    `Expected the secret of pseudonym key \`${key.id}\` to have at least 16 characters, got ${secret.trim().length} (redaction.keys). Make one with: openssl rand -hex 32`,
  );
}

function wrongKeys(repeated: number): UserError {
  return repeated > 0
    ? new UserError(
        'redaction_key_repeated',
        'Expected every pseudonym key to have its own id, got one twice (redaction.keys).',
      )
    : new UserError(
        'redaction_key_missing',
        'Expected at least one key to make pseudonyms with, got none (redaction.keys). Add one with an `id` and a `secret` of its own (make it with: openssl rand -hex 32), or set `redaction.pseudonymise: []` to store names in clear.',
      );
}

/** Keeps between half of and all `size` newest results: two generations, the older dropped whole when the newer is full. */
function createCache(size: number): { get(key: string, make: () => string): string } {
  let newer = new Map<string, string>();
  let older = new Map<string, string>();
  return {
    get(key, make) {
      const held = newer.get(key);
      if (held !== undefined) return held;
      const value = older.get(key) ?? make();
      if (newer.size >= size / 2) {
        older = newer;
        newer = new Map();
      }
      newer.set(key, value);
      return value;
    },
  };
}
