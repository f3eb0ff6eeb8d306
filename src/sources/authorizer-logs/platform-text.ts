import { isLambdaRequestId, type LineReading } from './line-reading.ts';

/**
 * Platform lines of Lambda's text mode. START, END and REPORT as the Lambda guide gives them; the exact text of
 * `INIT_START` and `Task timed out` is not documented and known from real logs.
 */
export function readPlatformText(message: string): LineReading | undefined {
  const word = FIRST_WORD.exec(message)?.[0];
  switch (word) {
    case 'START':
    case 'END': {
      const id = idAfter(message, `${word} RequestId: `);
      return id === undefined
        ? undefined
        : { kind: 'invocation', lambdaRequestId: id, line: word === 'START' ? 'start' : 'end' };
    }
    case 'REPORT':
      return readReport(message);
    case 'RequestId':
      return readExit(message);
    default:
      return readOutside(message, word) ?? readTimeout(message);
  }
}

const FIRST_WORD = /^[A-Za-z_]{1,16}/;
const OUTSIDE: ReadonlyMap<string, RegExp> = new Map([
  ['INIT_START', /^INIT_START Runtime/],
  ['INIT_REPORT', /^INIT_REPORT Init Duration/],
  ['RESTORE_START', /^RESTORE_START Runtime/],
  ['RESTORE_REPORT', /^RESTORE_REPORT Restore Duration/],
  ['EXTENSION', /^EXTENSION\tName: /],
  ['TELEMETRY', /^TELEMETRY\tName: /],
  ['LOGS', /^LOGS\tName: /],
  ['XRAY', /^XRAY TraceId: /],
]);
const TIMEOUT =
  /^\d{4}-\d{2}-\d{2}T[0-9:.]{8,20}Z ([0-9a-f-]{36}) Task timed out after ([0-9.]{1,12}) seconds/i;
const DURATION = /\tDuration: ([0-9.]{1,16}) ms/;
const STATUS = /\tStatus: ([a-z]{1,16})/;
const ERROR_TYPE = /\tError Type: ([A-Za-z0-9._]{1,128})/;

function idAfter(message: string, prefix: string): string | undefined {
  if (!message.startsWith(prefix)) return undefined;
  const id = message.slice(prefix.length, prefix.length + 36);
  return isLambdaRequestId(id) ? id : undefined;
}

/** `Status: error` alone is no failure of the authorizer: it is also what throwing `Unauthorized` gives. */
function readReport(message: string): LineReading | undefined {
  const id = idAfter(message, 'REPORT RequestId: ');
  if (id === undefined) return undefined;
  const duration = DURATION.exec(message)?.[1];
  const status = STATUS.exec(message)?.[1];
  const errorType = ERROR_TYPE.exec(message)?.[1];
  const crashed = errorType?.startsWith('Runtime.') === true || status === 'failure';
  return {
    kind: 'invocation',
    lambdaRequestId: id,
    line: status === 'timeout' ? 'timeout' : 'report',
    ...(duration !== undefined && { durationMs: Number(duration) }),
    ...(status === 'timeout' && { failure: 'timeout' }),
    ...(crashed && { failure: errorType ?? 'failure' }),
  };
}

/** `RequestId: … Error: Runtime exited …`, `RequestId: … Process exited before completing request`. */
function readExit(message: string): LineReading | undefined {
  const id = idAfter(message, 'RequestId: ');
  if (id === undefined) return undefined;
  const text = message.slice('RequestId: '.length + 36).trim();
  return {
    kind: 'invocation',
    lambdaRequestId: id,
    line: 'error',
    failure: text.split('\n', 1)[0] ?? 'process exited',
  };
}

function readTimeout(message: string): LineReading | undefined {
  const match = TIMEOUT.exec(message);
  const id = match?.[1];
  if (!isLambdaRequestId(id)) return undefined;
  return {
    kind: 'invocation',
    lambdaRequestId: id,
    line: 'timeout',
    failure: `timed out after ${match?.[2] ?? '?'} s`,
  };
}

function readOutside(message: string, word: string | undefined): LineReading | undefined {
  if (word === undefined || OUTSIDE.get(word)?.test(message) !== true) return undefined;
  return { kind: 'outside', rule: word.toLowerCase() };
}
