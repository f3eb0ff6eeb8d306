import type { SQLOutputValue } from 'node:sqlite';
import { GatewatchError } from '../core/errors.ts';

/** A result row of `node:sqlite`. */
export type Row = Record<string, SQLOutputValue>;

export function numberIn(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === 'number') return value;
  throw unexpected(column, 'a number', value);
}

export function textIn(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw unexpected(column, 'text', value);
}

export function optionalBytesIn(row: Row, column: string): Uint8Array | undefined {
  const value = row[column];
  if (value === null || value instanceof Uint8Array) return value ?? undefined;
  throw unexpected(column, 'bytes', value);
}

export function optionalNumberIn(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : numberIn(row, column);
}

export function optionalTextIn(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : textIn(row, column);
}

function unexpected(column: string, expected: string, value: unknown): GatewatchError {
  return new GatewatchError(
    'journal_corrupt',
    `Expected ${expected} in journal column ${column}, got ${value === null ? 'null' : typeof value}.`,
  );
}
