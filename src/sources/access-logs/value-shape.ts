import type { ValueShape } from '../../catalog/access-log-variables.ts';

const CLF_TIME = /^\d{2}\/[A-Z][a-z]{2}\/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}$/;
const NUMBER = /^-?\d{1,19}(?:\.\d{1,9})?$/;

/** Characters that no value of the shape holds; `free` has none. */
const EXCLUDED: Readonly<Record<ValueShape, string>> = {
  number: ' \t"\',;|<>{}[]\\/:=()&',
  token: ' \t"\',;|<>{}[]\\',
  clf_time: '"\',;|<>{}[]\\\t',
  phrase: '"<>',
  free: '',
};

/**
 * Which characters a value of the shape can never hold, by code; control characters belong to `free` alone. Codes
 * from 128 on are in every shape (the table has no entry for them).
 */
export function excludedCodes(shape: ValueShape): Uint8Array {
  return TABLES[shape];
}

export function isNumberText(value: string): boolean {
  return NUMBER.test(value);
}

export function hasShape(shape: ValueShape, value: string): boolean {
  if (value === '' || value === '-' || shape === 'free') return true;
  if (shape === 'number') return NUMBER.test(value);
  if (shape === 'clf_time') return CLF_TIME.test(value);
  const table = TABLES[shape];
  for (let i = 0; i < value.length; i += 1) {
    if (table[value.charCodeAt(i)] === 1) return false;
  }
  return true;
}

function tableOf(shape: ValueShape): Uint8Array {
  const codes = new Uint8Array(128);
  if (shape === 'free') return codes;
  codes.fill(1, 0, 32);
  codes[127] = 1;
  for (const character of EXCLUDED[shape]) codes[character.charCodeAt(0)] = 1;
  return codes;
}

const TABLES: Readonly<Record<ValueShape, Uint8Array>> = {
  number: tableOf('number'),
  token: tableOf('token'),
  clf_time: tableOf('clf_time'),
  phrase: tableOf('phrase'),
  free: tableOf('free'),
};
