import { describe, expect, it } from 'vitest';
import { createAuditCommand } from '../../../src/cli/commands/audit.ts';
import { createFieldsCommand } from '../../../src/cli/commands/fields.ts';
import { createRedactCommand } from '../../../src/cli/commands/redact.ts';
import { createRedactor } from '../../../src/redact/redactor.ts';
import { createMemoryReader, deniedRequest, NOON_MS } from '../../audit/memory-reader.ts';
import { EXAMPLE_CONFIG, exampleFiles } from '../../config/example-config.ts';
import { contextFor, filesFrom, nothingPrinted } from '../../support/cli-context.ts';

function createContext(files: ReadonlyMap<string, string> = new Map()) {
  const printed = nothingPrinted();
  const env = { EXTERNAL_ID: 'e', DT_TOKEN: 'd' };
  const context = contextFor(printed, { env, now: () => NOON_MS, ...filesFrom(files) });
  return { context, printed };
}

function createAudit(files?: ReadonlyMap<string, string>, records = [deniedRequest()]) {
  const cli = createContext(files);
  const reader = createMemoryReader(records);
  const opened: string[] = [];
  const openReader = async (path: string) => {
    opened.push(path);
    return reader;
  };
  const run = (...args: string[]) =>
    createAuditCommand(cli.context, openReader).parseAsync(args, { from: 'user' });
  return { ...cli, reader, opened, run };
}

describe('gatewatch audit query', () => {
  it('lists what matches, from the journal named, and closes it', async () => {
    const audit = createAudit();
    await audit.run(
      'query',
      '--journal',
      'trail.db',
      '--decision',
      'deny',
      '--from',
      '2h',
      '--api',
      'orders',
    );
    expect(audit.opened).toEqual(['/etc/gatewatch/trail.db']);
    expect(audit.reader.queries).toEqual([
      {
        stream: 'records',
        decision: 'deny',
        fromMs: NOON_MS - 7_200_000,
        api: 'orders',
        limit: 100,
        revisions: 'latest',
      },
    ]);
    expect(audit.printed.out).toContain('orders/prod POST /orders/{id}');
    expect(audit.reader.closed).toBe(true);
    expect(audit.printed.code).toBe(0);
  });

  it('looks a customer up through the keys of the configuration', async () => {
    const files = new Map([...exampleFiles(), ['/etc/gatewatch/gatewatch.yaml', EXAMPLE_CONFIG]]);
    const secret = [...files].find(([path]) => path.endsWith('pseudonym.key'))?.[1] ?? '';
    const redactor = createRedactor({ keys: [{ id: 'k1', secret }], pseudonymise: ['customer'] });
    const audit = createAudit(files, [deniedRequest({ customer: redactor.pseudonym('customer', 'C-1') })]);
    await audit.run('query', '--customer', 'C-1', '--format', 'jsonl');
    expect(JSON.parse(audit.printed.out)).toMatchObject({ recordId: deniedRequest().recordId });
  });

  it('prints one JSON document with --json, as other commands do, also when nothing matches', async () => {
    const records = [deniedRequest(), deniedRequest({ recordId: 'other' })];
    for (const asked of [['--json'], ['--format', 'json'], ['--json', '--format', 'json']]) {
      const audit = createAudit(undefined, records);
      await audit.run('query', '--journal', 'trail.db', ...asked);
      const printed: readonly { readonly recordId: string }[] = JSON.parse(audit.printed.out);
      expect(printed.map(({ recordId }) => recordId).sort()).toEqual(
        records.map(({ recordId }) => recordId).sort(),
      );
    }
    const none = createAudit();
    await none.run('query', '--journal', 'trail.db', '--stage', 'nowhere', '--json');
    expect(JSON.parse(none.printed.out)).toEqual([]);
  });

  it.each(['json', 'jsonl', 'csv'])(
    'writes %s record by record, never all of them as one text',
    async (format) => {
      const records = [
        deniedRequest(),
        deniedRequest({ recordId: 'record-two' }),
        deniedRequest({ recordId: 'record-three' }),
      ];
      const audit = createAudit(undefined, records);
      const pieces: string[] = [];
      audit.context.stdout.write = (text) => pieces.push(text);
      await audit.run('query', '--journal', 'trail.db', '--format', format);
      for (const id of ['record-two', 'record-three'])
        expect(pieces.filter((piece) => piece.includes(id))).toHaveLength(1);
      for (const piece of pieces)
        expect(piece.includes('record-two') && piece.includes('record-three')).toBe(false);
    },
  );

  it('says so when nothing matches, and when there may be more', async () => {
    const audit = createAudit();
    await audit.run('query', '--journal', 'trail.db', '--stage', 'nowhere');
    await audit.run('query', '--journal', 'trail.db', '--limit', '1', '--format', 'csv');
    expect(audit.printed.err).toBe('no record matches\nstopped at --limit 1; there may be more\n');
    expect(audit.printed.out.split('\r\n')).toHaveLength(3);
  });

  it.each([
    [['--decision', 'denied'], /one of allow, deny/],
    [['--outcome', 'joined'], /one of matched/],
    [['--format', 'xml'], /table, csv, json or jsonl, got `xml`/],
    [['--format', 'csv', '--json'], /--json or --format csv, got both/],
    [['--limit', '0'], /from 1 to 100000, got `0`/],
    [['--from', '1h', '--to', '2h'], /--from to be before --to/],
  ])('refuses %j', async (args, message) => {
    await expect(createAudit().run('query', '--journal', 'trail.db', ...args)).rejects.toThrow(message);
  });
});

describe('gatewatch audit show', () => {
  it('tells the story of a record', async () => {
    const audit = createAudit();
    await audit.run('show', '--journal', 'trail.db', deniedRequest().recordId);
    expect(audit.printed.out).toContain('deny: refused by the authorizer or the gateway');
  });

  it('exits 3 when nothing has the id', async () => {
    const audit = createAudit();
    await audit.run('show', '--journal', 'trail.db', 'nobody', '--json');
    expect(audit.printed.code).toBe(3);
    expect(audit.printed.out).toBe('');
    expect(audit.printed.err).toContain('nobody');
  });
});

describe('gatewatch redact', () => {
  it('explains what each rule did to each line without telling the secret', async () => {
    const cli = createContext(
      new Map([['/etc/gatewatch/a.log', 'GET /orders 200\nuser ada%40example.com\n']]),
    );
    await createRedactCommand(cli.context).parseAsync(['--explain', 'a.log'], { from: 'user' });
    expect(cli.printed.out).toBe(
      [
        '1: unchanged',
        '2: user [redacted:email]',
        '     email: characters 6 to 22 became [redacted:email]',
        '2 lines; email 1',
        '',
      ].join('\n'),
    );
  });

  it('names the file it could not read', async () => {
    const run = createRedactCommand(createContext().context).parseAsync(['b.log'], { from: 'user' });
    await expect(run).rejects.toThrow(/Expected to read b.log, got ENOENT/);
  });
});

describe('gatewatch fields', () => {
  it('prints the dictionary as text and as JSON', async () => {
    const text = createContext();
    await createFieldsCommand(text.context).parseAsync([], { from: 'user' });
    expect(text.printed.out).toContain('status (integer, clear)');
    const json = createContext();
    await createFieldsCommand(json.context).parseAsync(['--json'], { from: 'user' });
    expect(JSON.parse(json.printed.out)[0]).toMatchObject({ name: 'kind', csv: 'kind' });
  });
});
