import type { JournalReader } from '../model/journal.ts';
import type { RequestRecord } from '../model/request-record.ts';
import type { SampleQuestion } from '../sources/alarm-changes/alarm-records.ts';
import type { SampleKind } from '../sources/alarm-changes/watched-metric.ts';

const SAMPLES = 5;
/** Looked through, newest first: a busy API has more in its window, and five telling ones are among these. */
const LOOKED_AT = 1_000;

/** Record ids of requests that show what an alarm fired for: the slowest, or the newest that failed so. */
export async function sampleRequests(
  journal: Pick<JournalReader, 'query'>,
  question: SampleQuestion,
): Promise<readonly string[]> {
  const { account, region, apiId, apiName, stage, what, fromMs, toMs } = question;
  const api = apiId ?? apiName;
  if (api === undefined) return [];
  const decision = DECISIONS[what];
  const entries = await journal.query({
    stream: 'records',
    api,
    ...(stage !== undefined && { stage }),
    ...(decision !== undefined && { decision }),
    fromMs,
    toMs,
    limit: LOOKED_AT,
    revisions: 'latest',
  });
  const requests = entries.flatMap(({ record }) => {
    const isThere = record.kind === 'request' && record.account === account && record.region === region;
    return isThere && weightOf(record, what) > 0 ? [record] : [];
  });
  requests.sort((one, other) => weightOf(other, what) - weightOf(one, what));
  return requests.slice(0, SAMPLES).map(({ recordId }) => recordId);
}

/** Kinds that the journal finds by its index. */
const DECISIONS: Partial<Readonly<Record<SampleKind, string>>> = {
  denials: 'deny',
  authorizer_failures: 'error',
};

/** How telling a request is; 0 for one that shows nothing. */
function weightOf(record: RequestRecord, what: SampleKind): number {
  const { status = 0 } = record;
  switch (what) {
    case 'latency':
      return record.responseLatencyMs ?? 0;
    case 'authorizer_latency':
      return record.authorizerLatencyMs ?? 0;
    case 'server_errors':
      return status >= 500 ? 1 : 0;
    case 'client_errors':
      return status >= 400 && status < 500 ? 1 : 0;
    case 'throttles':
      return status === 429 ? 1 : 0;
    case 'denials':
    case 'authorizer_failures':
      return 1;
  }
}
