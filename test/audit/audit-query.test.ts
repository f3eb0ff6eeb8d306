import { describe, expect, it } from 'vitest';
import { parseDecision, parseOutcome, parseTime, queryRecords } from '../../src/audit/audit-query.ts';
import { csvCell, csvLines } from '../../src/audit/csv.ts';
import { toTable } from '../../src/audit/table.ts';
import { createRedactor } from '../../src/redact/redactor.ts';
import { metricRecord } from '../contract/journal-records.ts';
import { createMemoryReader, deniedRequest, NOON_MS, unparsedLine } from './memory-reader.ts';

const k1 = { id: 'k1', secret: 'the first secret of all' };
const k2 = { id: 'k2', secret: 'the second secret of all' };
const oldRedactor = createRedactor({ keys: [k1], pseudonymise: ['principal', 'customer'] });
const redactor = createRedactor({ keys: [k2, k1], pseudonymise: ['principal', 'customer'] });
const limits = { limit: 100, revisions: 'latest' } as const;

describe('a look-up of records', () => {
  it('finds a customer by clear name under every live key', async () => {
    const reader = createMemoryReader([
      deniedRequest({ recordId: 'old', customer: oldRedactor.pseudonym('customer', 'C-1') }),
      deniedRequest({ recordId: 'new', customer: redactor.pseudonym('customer', 'C-1') }),
      deniedRequest({ recordId: 'other', customer: redactor.pseudonym('customer', 'C-2') }),
    ]);
    const found = await queryRecords(reader, redactor, { ...limits, customer: 'C-1' });
    expect(found.map((entry) => entry.recordId).sort()).toEqual(['new', 'old']);
  });

  it('finds a principal by its pseudonym, that of a retired key included', async () => {
    const retired = 'psn_k0_aaaaaaaaaaaaaaaaaaaaaa';
    const reader = createMemoryReader([
      deniedRequest({ recordId: 'a', principal: retired }),
      deniedRequest({ recordId: 'b', principal: redactor.pseudonym('principal', 'svc') }),
    ]);
    const idsOf = async (principal: string) =>
      (await queryRecords(reader, redactor, { ...limits, principal })).map((entry) => entry.recordId);
    expect(await idsOf(retired)).toEqual(['a']);
    expect(await idsOf(redactor.pseudonym('principal', 'svc'))).toEqual(['b']);
  });

  it('finds requests of an unknown customer by that word', async () => {
    const reader = createMemoryReader([deniedRequest({ customer: 'unknown' })]);
    expect(await queryRecords(reader, redactor, { ...limits, customer: 'unknown' })).toHaveLength(1);
  });

  it('leaves metric points out unless one is asked for by id', async () => {
    const reader = createMemoryReader([metricRecord('m1'), deniedRequest()]);
    expect(await queryRecords(reader, redactor, { ...limits, fromMs: 0 })).toHaveLength(1);
    expect(await queryRecords(reader, redactor, { ...limits, recordId: 'm1' })).toHaveLength(1);
  });

  it.each([
    ['2026-11-03T10:00Z', Date.parse('2026-11-03T10:00:00Z')],
    ['2026-11-03T10:00:30.5+02:00', Date.parse('2026-11-03T08:00:30.500Z')],
    ['2026-11-03 10:00', Date.parse('2026-11-03T10:00:00Z')],
    ['2026-11-03', Date.parse('2026-11-03T00:00:00Z')],
    ['2h', NOON_MS - 7_200_000],
  ])('reads the time %s', (text, expected) => {
    expect(parseTime('--from', text, NOON_MS)).toBe(expected);
  });

  it.each(['yesterday', '2026-13-01', '2026-02-30', '10:00', ''])('refuses the time "%s"', (text) => {
    expect(() => parseTime('--from', text, NOON_MS)).toThrow(/Expected --from to be a time such as .* got `/);
  });

  it('refuses an unknown decision or outcome and lists the valid ones', () => {
    expect(() => parseDecision('denied')).toThrow(
      'Expected --decision to be one of allow, deny, refused_before, error, unknown, got `denied`.',
    );
    expect(() => parseOutcome('toString')).toThrow(/matched, cached_decision, .* got `toString`/);
  });
});

describe('a table of records', () => {
  it('fits 80 columns and shows ids that can be shown', async () => {
    const entries = await createMemoryReader([deniedRequest(), unparsedLine()]).query(limits);
    const table = toTable(entries, 80);
    expect(table).toBe(
      [
        'TIME (UTC)          CODE DECISION OUTCOME         API / REQUEST',
        '  RECORD ID / CUSTOMER / PRINCIPAL',
        '2026-11-03 12:00:00 403  deny     matched         orders/prod POST /orders/{id}',
        '  eFqE2DW9XIrCtYBMBoIlSWBOhTWMWmzzBdAO0oGzEpA psn_k1_customer00000000000000',
        '2026-11-03 11:59:59 -    -        unparsed        access line of /apigw/orders',
        '  unparsed-1',
        '',
      ].join('\n'),
    );
  });

  it('cuts long requests, never a character, and lets no control character through', async () => {
    const route = `/\u001b[2J${'🎉'.repeat(80)}`;
    const lines = toTable(await createMemoryReader([deniedRequest({ route })]).query(limits), 80).split('\n');
    expect(lines.every((line) => [...line].length <= 80 && line.isWellFormed())).toBe(true);
    expect(lines[2]).toContain('…');
    expect(lines.join('')).not.toContain('\u001b');
  });
});

describe('records as CSV', () => {
  it('has the columns of the field dictionary, quotes by RFC 4180 and disarms formulas', async () => {
    const [header, row, rest] = [...csvLines(await createMemoryReader([deniedRequest()]).query(limits))]
      .join('')
      .split('\r\n');
    expect(header).toContain('record_id,event_id,revision,');
    expect(row).toContain(`,"'=cmd|calc,""x""",`);
    expect(row).toContain(',"{""identity.apiKeyId"":""k9""}"');
    expect(rest).toBe('');
  });

  it.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\tx', "'\tx"],
    ['\rx', '"\'\rx"'],
    ['\0x', "'\0x"],
    ['a\nb', '"a\nb"'],
    ['plain', 'plain'],
    [-1, '-1'],
    [undefined, ''],
  ])('writes %j as %j', (value, cell) => {
    expect(csvCell(value)).toBe(cell);
  });
});
