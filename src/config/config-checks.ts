import { formatDuration } from '../core/duration.ts';
import { didYouMean } from '../documents/did-you-mean.ts';
import type { DocumentPath, Problem } from '../documents/problem.ts';
import type { GatewatchConfig, SinkConfig } from './gatewatch-config.ts';
import { isLoopbackHost, isMetadataHost } from './sink-address.ts';

/** What a check found, before it is given its place in the file. */
export interface Finding {
  readonly path: DocumentPath;
  readonly severity?: Problem['severity'];
  readonly expected: string;
  readonly got: string;
  readonly remedy: string;
}

/** The sections that could be read. Checks look at what is there, so that one bad section does not hide the rest. */
export type ReadableSections = Partial<GatewatchConfig>;

const CLOUDWATCH_PERIOD_MS = 60_000;
/** `GetMetricData` bills up to five statistics of one metric as one (CloudWatch pricing, "metrics requested"). */
const STATISTICS_PER_REQUEST = 5;

/** What only holds between options, or between an option and the world. */
export function checkSections(sections: ReadableSections): readonly Finding[] {
  return [
    ...checkAccounts(sections),
    ...checkAuthorizers(sections),
    ...checkMetrics(sections),
    ...checkRereads(sections),
    ...checkJournal(sections),
    ...checkKeys(sections),
    ...checkSinks(sections),
    ...checkServer(sections),
  ];
}

function checkAccounts({ accounts }: ReadableSections): readonly Finding[] {
  if (accounts === undefined) return [];
  const names = Object.keys(accounts);
  if (names.length === 0)
    return [
      atLeastOne(['accounts'], 'account', 'central: { accountId: "111122223333", regions: [eu-west-1] }'),
    ];
  return [...names.flatMap((name) => checkRole(name, accounts)), ...checkReadOnce(accounts)];
}

function checkRole(name: string, accounts: GatewatchConfig['accounts']): readonly Finding[] {
  const account = accounts[name];
  if (account === undefined) return [];
  const findings: Finding[] = [];
  if (account.externalId !== undefined && account.roleArn === undefined) {
    findings.push({
      path: ['accounts', name, 'externalId'],
      expected: 'roleArn beside an externalId',
      got: 'an externalId alone',
      remedy: 'add roleArn, or remove externalId',
    });
  }
  const roleAccount = account.roleArn?.split(':')[4];
  if (roleAccount !== undefined && roleAccount !== account.accountId) {
    findings.push({
      path: ['accounts', name, 'roleArn'],
      expected: `a role in account ${account.accountId}`,
      got: `a role in account ${roleAccount}`,
      remedy: 'correct accountId or roleArn',
    });
  }
  return findings;
}

/** An account and Region under two names would be read, billed and delivered twice. */
function checkReadOnce(accounts: GatewatchConfig['accounts']): readonly Finding[] {
  const readBy = new Map<string, string>();
  const findings: Finding[] = [];
  for (const [name, account] of Object.entries(accounts)) {
    for (const [i, region] of account.regions.entries()) {
      const key = `${account.accountId} ${region}`;
      const other = readBy.get(key);
      readBy.set(key, name);
      if (other === undefined) continue;
      findings.push({
        path: ['accounts', name, 'regions', i],
        expected: 'each account and Region once',
        got: `${key}, which accounts.${other} reads already`,
        remedy: 'remove one of the two',
      });
    }
  }
  return findings;
}

function checkAuthorizers({ accounts, authorizers }: ReadableSections): readonly Finding[] {
  if (accounts === undefined || authorizers === undefined) return [];
  const names = Object.keys(accounts);
  return authorizers.flatMap((rule, i) => {
    const account = rule.logGroup?.account;
    if (account === undefined || names.includes(account)) return [];
    const near = didYouMean(account, names);
    const byId = names.find((name) => accounts[name]?.accountId === account) ?? near;
    return [
      {
        path: ['authorizers', i, 'logGroup', 'account'],
        expected: `the name of an entry of accounts: ${names.join(', ')}`,
        got: `"${account}"`,
        remedy: byId === undefined ? 'add the account under accounts' : `did you mean ${byId}?`,
      },
    ];
  });
}

function checkMetrics({ metrics }: ReadableSections): readonly Finding[] {
  if (metrics === undefined) return [];
  const findings: Finding[] = [];
  const { period, settle, statistics } = metrics;
  if (period % CLOUDWATCH_PERIOD_MS !== 0) {
    const remedy = 'write 60s, or another whole number of minutes';
    findings.push({
      path: ['metrics', 'period'],
      expected: 'a multiple of 60 s',
      got: formatDuration(period),
      remedy,
    });
  }
  if (settle < period) {
    findings.push({
      path: ['metrics', 'settle'],
      expected: `at least metrics.period (${formatDuration(period)})`,
      got: formatDuration(settle),
      remedy: 'a point cannot be believed before its period is over: write a longer duration',
    });
  }
  for (const [kind, list] of Object.entries(statistics)) {
    if (list.length > STATISTICS_PER_REQUEST) findings.push(manyStatistics(kind, list.length));
  }
  return findings;
}

function manyStatistics(kind: string, count: number): Finding {
  return {
    severity: 'warning',
    path: ['metrics', 'statistics', kind],
    expected: `at most ${STATISTICS_PER_REQUEST} statistics, which CloudWatch bills as one request`,
    got: `${count}`,
    remedy: 'remove some, or see `gatewatch cost` for the price',
  };
}

function checkRereads({ logs }: ReadableSections): readonly Finding[] {
  return (logs?.rereads ?? []).flatMap((age, i, all) => {
    const before = all[i - 1];
    if (before === undefined || age > before) return [];
    const got = `${formatDuration(age)} after ${formatDuration(before)}`;
    return [
      { path: ['logs', 'rereads', i], expected: 'rising ages', got, remedy: 'put them in order, each once' },
    ];
  });
}

function checkJournal({ journal, logs }: ReadableSections): readonly Finding[] {
  if (journal === undefined) return [];
  const findings: Finding[] = [];
  if (journal.onTrailFull === 'archive' && journal.archive === undefined) {
    findings.push({
      path: ['journal', 'onTrailFull'],
      expected: 'a folder under journal.archive to archive to',
      got: 'none',
      remedy: 'add archive: /mnt/archive/gatewatch, or choose stop or drop',
    });
  }
  const lastReread = Math.max(0, ...(logs?.rereads ?? []));
  if (journal.sealAfter <= lastReread) {
    findings.push({
      path: ['journal', 'sealAfter'],
      expected: `longer than the last of logs.rereads, ${formatDuration(lastReread)}`,
      got: formatDuration(journal.sealAfter),
      remedy: 'raise it: what a re-read may still correct must not be sealed',
    });
  }
  return findings;
}

function checkKeys({ redaction }: ReadableSections): readonly Finding[] {
  return (redaction?.keys ?? []).flatMap((key, i, all) => {
    if (all.findIndex((other) => other.id === key.id) === i) return [];
    const remedy = 'give the new key an id of its own: pseudonyms name the key that made them';
    return [
      { path: ['redaction', 'keys', i, 'id'], expected: 'each id once', got: `a second "${key.id}"`, remedy },
    ];
  });
}

function checkSinks({ sinks }: ReadableSections): readonly Finding[] {
  if (sinks === undefined) return [];
  const entries = Object.entries(sinks);
  if (entries.length === 0)
    return [atLeastOne(['sinks'], 'sink', 'splunk: { type: splunk_hec, url: …, token: … }')];
  return entries.flatMap(([name, sink]) => [...checkUrl(name, sink), ...checkSendsSomething(name, sink)]);
}

function checkUrl(name: string, sink: SinkConfig): readonly Finding[] {
  const url = new URL(sink.url);
  const path = ['sinks', name, 'url'];
  if (isMetadataHost(url.hostname)) {
    const remedy = 'write the address of the destination';
    return [{ path, expected: 'an address that is not link-local', got: url.hostname, remedy }];
  }
  if (url.protocol === 'https:' || isLoopbackHost(url.hostname) || sink.allowInsecure)
    return checkOtlpPath(path, url, sink);
  return [
    {
      path,
      expected: 'https, because the token goes with every request',
      got: `http to ${url.hostname}`,
      remedy: 'write https://…, or set allowInsecure: true beside it',
    },
  ];
}

/** Other receivers of OTLP have paths of their own; at Dynatrace itself every other address answers 404. */
function checkOtlpPath(
  path: DocumentPath,
  { hostname, pathname }: URL,
  sink: SinkConfig,
): readonly Finding[] {
  if (sink.type !== 'dynatrace_otlp' || !hostname.endsWith('.dynatrace.com')) return [];
  if (!hostname.endsWith('.apps.dynatrace.com') && /\/otlp\/*$/.test(pathname)) return [];
  return [
    {
      severity: 'warning',
      path,
      expected: 'the address of the OTLP endpoint, https://ENVIRONMENT.live.dynatrace.com/api/v2/otlp',
      got: `${hostname}${pathname}`,
      remedy: 'correct it, or the sink will be held',
    },
  ];
}

function checkSendsSomething(name: string, sink: SinkConfig): readonly Finding[] {
  const on =
    sink.type === 'splunk_hec'
      ? sink.access || sink.authentication || sink.metrics
      : sink.metrics || sink.logs;
  if (on) return [];
  const remedy = 'turn something on, or remove the sink';
  return [
    { path: ['sinks', name], expected: 'a sink that sends something', got: 'everything turned off', remedy },
  ];
}

function checkServer({ server }: ReadableSections): readonly Finding[] {
  if (server === undefined || isLoopbackHost(server.host)) return [];
  return [
    {
      severity: 'warning',
      path: ['server', 'host'],
      expected: 'a loopback address, because the pages have no log-in',
      got: `"${server.host}"`,
      remedy: 'make sure that only your monitoring reaches it',
    },
  ];
}

function atLeastOne(path: DocumentPath, what: string, example: string): Finding {
  return { path, expected: `at least one ${what}`, got: 'none', remedy: `add ${example}` };
}
