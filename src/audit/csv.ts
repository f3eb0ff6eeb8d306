import { FIELDS, type Field } from '../catalog/fields.ts';
import type { JournalEntry } from '../model/journal.ts';

const COLUMNS: readonly Field[] = FIELDS.filter((field) =>
  field.of.some((kind) => kind === 'request' || kind === 'unparsed'),
);

/** First characters that make a spreadsheet read a cell as a formula (OWASP ASVS 5.0, 1.2.10). */
const STARTS_FORMULA = /^[=+\-@\t\r\n\0＝＋－＠]/;
const NEEDS_QUOTES = /[",\r\n]/;

/**
 * RFC 4180, line by line, because an export may be longer than a string can be: a header, one line per record, CRLF at
 * each end. Columns are those of the field dictionary.
 */
export function* csvLines(entries: Iterable<JournalEntry>): Generator<string> {
  yield lineOf(COLUMNS.map((column) => column.csv));
  for (const { record } of entries) {
    const values = new Map<string, unknown>(Object.entries(record));
    yield lineOf(COLUMNS.map((column) => csvCell(values.get(column.name))));
  }
}

function lineOf(cells: readonly string[]): string {
  return `${cells.join(',')}\r\n`;
}

/** One cell. Lists and maps are JSON. A text that a spreadsheet would run gets an apostrophe in front. */
export function csvCell(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const safe = STARTS_FORMULA.test(text) ? `'${text}` : text;
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
