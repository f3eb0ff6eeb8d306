import { FIELDS, type Field } from '../catalog/fields.ts';
import type { JournalEntry } from '../model/journal.ts';

const COLUMNS: readonly Field[] = FIELDS.filter((field) =>
  field.of.some((kind) => kind === 'request' || kind === 'unparsed'),
);

/** First characters that make a spreadsheet read a cell as a formula (OWASP ASVS 5.0, 1.2.10). */
const STARTS_FORMULA = /^[=+\-@\t\r\n\0＝＋－＠]/;
const NEEDS_QUOTES = /[",\r\n]/;

/** RFC 4180: a header, one line per record, CRLF at each end. Columns are those of the field dictionary. */
export function toCsv(entries: readonly JournalEntry[]): string {
  const rows = entries.map((entry) => {
    const values = new Map<string, unknown>(Object.entries(entry.record));
    return COLUMNS.map((column) => csvCell(values.get(column.name)));
  });
  return [COLUMNS.map((column) => column.csv), ...rows].map((row) => `${row.join(',')}\r\n`).join('');
}

/** One cell. Lists and maps are JSON. A text that a spreadsheet would run gets an apostrophe in front. */
export function csvCell(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const safe = STARTS_FORMULA.test(text) ? `'${text}` : text;
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
