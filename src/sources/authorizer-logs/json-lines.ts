import { isObject } from '../../core/json.ts';
import { contentOfObject, loggedError, parseJsonObject } from './line-content.ts';
import { isLambdaRequestId, type LineReading, type LoggedError } from './line-reading.ts';

type JsonLine = Readonly<Record<string, unknown>>;

/** Platform events of Lambda's JSON mode: `{time, type: 'platform.…', record: {requestId?, …}}`. */
export function readPlatformJson(line: JsonLine): LineReading | undefined {
  const { type, record } = line;
  if (typeof type !== 'string' || !type.startsWith('platform.') || !isObject(record)) return undefined;
  const { requestId: id } = record;
  if (!isLambdaRequestId(id)) return { kind: 'outside', rule: ruleOf(type) };
  switch (type) {
    case 'platform.start':
    case 'platform.invokeStart':
      return { kind: 'invocation', lambdaRequestId: id, line: 'start' };
    case 'platform.report':
    case 'platform.requestComplete':
      return readReport(id, record);
    case 'platform.runtimeDone':
      return { kind: 'invocation', lambdaRequestId: id, line: 'end', ...failureOf(record) };
    default:
      return { kind: 'invocation', lambdaRequestId: id, line: 'application' };
  }
}

/** Lambda's JSON mode: `{timestamp, level, requestId, message, …}`; outside an invocation `requestId` is absent. */
export function readLambdaJson(line: JsonLine, text: string): LineReading | undefined {
  if (typeof line.timestamp !== 'string' || typeof line.level !== 'string' || !('message' in line))
    return undefined;
  const error = errorOf(line);
  const content = { ...contentOfObject(line, text), ...(error !== undefined && { error }) };
  if (line.requestId === undefined) return { kind: 'nameless', content, outside: true };
  if (!isLambdaRequestId(line.requestId)) return undefined;
  const kind = error === undefined ? 'application' : 'error';
  return { kind: 'invocation', lambdaRequestId: line.requestId, line: kind, content };
}

/** `@aws-lambda-powertools/logger`: `function_request_id` is the Lambda id, `correlation_id` usually the gateway's. */
export function readPowertools(line: JsonLine, text: string): LineReading | undefined {
  const { function_request_id: id, error } = line;
  if (!isLambdaRequestId(id)) return undefined;
  const logged = isObject(error) ? powertoolsError(error) : undefined;
  const content = { ...contentOfObject(line, text), ...(logged !== undefined && { error: logged }) };
  return {
    kind: 'invocation',
    lambdaRequestId: id,
    line: logged === undefined ? 'application' : 'error',
    content,
  };
}

/** One parse for all JSON forms. */
export function readJsonLine(
  message: string,
  forms: readonly ((line: JsonLine, text: string) => LineReading | undefined)[],
): LineReading | undefined {
  if (!message.startsWith('{')) return undefined;
  const line = parseJsonObject(message);
  if (line === undefined) return undefined;
  const text = message.trimEnd();
  for (const form of forms) {
    const reading = form(line, text);
    if (reading !== undefined) return reading;
  }
  return undefined;
}

/**
 * One error as the only argument stands inside `message`, which is also how the runtime writes the error that ended the
 * invocation; beside a text the error's members are lifted to the top, which only the function itself does.
 */
function errorOf(line: JsonLine): LoggedError | undefined {
  if (isObject(line.message) && !('decision' in line.message)) return loggedError(line.message, true);
  return loggedError(line, false);
}

function powertoolsError(error: JsonLine): LoggedError {
  return {
    type: typeof error.name === 'string' ? error.name : 'Error',
    message: typeof error.message === 'string' ? error.message : '',
    endedInvocation: false,
  };
}

function readReport(id: string, record: JsonLine): LineReading {
  const { metrics } = record;
  const durationMs =
    isObject(metrics) && typeof metrics.durationMs === 'number' ? metrics.durationMs : undefined;
  return {
    kind: 'invocation',
    lambdaRequestId: id,
    line: record.status === 'timeout' ? 'timeout' : 'report',
    ...(durationMs !== undefined && { durationMs }),
    ...failureOf(record),
  };
}

/** `status: error` alone is no failure of the authorizer: it is also what throwing `Unauthorized` gives. */
function failureOf(record: JsonLine): { readonly failure?: string } {
  const { status, errorType } = record;
  if (status === 'timeout') return { failure: 'timeout' };
  const crashed = typeof errorType === 'string' && errorType.startsWith('Runtime.');
  if (status !== 'failure' && !crashed) return {};
  return { failure: typeof errorType === 'string' ? errorType : 'failure' };
}

/** `platform.initStart` → `platform_init_start`. The name comes from the line, so its form is checked. */
function ruleOf(type: string): string {
  const name = type.slice('platform.'.length);
  if (!/^[A-Za-z]{1,40}$/.test(name)) return 'platform_other';
  return `platform_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
}
