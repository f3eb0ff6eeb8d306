import type { FleetFunction } from './fleet-model.ts';

/** What one invocation does, decided before any line of it is written. Times in milliseconds. */
export interface InvocationFacts {
  readonly lambdaRequestId: string;
  readonly startMs: number;
  readonly durationMs: number;
  /** Present on a cold start. */
  readonly initMs?: number;
  /** `unauthorized`: logs a Deny, then throws `Unauthorized`. */
  readonly ending: 'allow' | 'deny' | 'unauthorized' | 'crash' | 'timeout';
  readonly reason: string;
  readonly principal?: string;
  readonly customer?: string;
  /** As the function received it in `event.requestContext.requestId`. */
  readonly gatewayRequestId?: string;
  readonly traceId: string;
  /** A careless extra line: what the caller sent, with its secrets. */
  readonly carelessly?: CarelessHeaders;
}

export interface CarelessHeaders {
  readonly authorization: string;
  readonly cookie: string;
  readonly query: Readonly<Record<string, string>>;
}

export interface LogLine {
  readonly atMs: number;
  readonly text: string;
}

/** All lines of one invocation in the order the function writes them. */
export function invocationLines(fn: FleetFunction, facts: InvocationFacts): readonly LogLine[] {
  const endMs = facts.startMs + Math.ceil(facts.durationMs);
  const lines: LogLine[] = [{ atMs: facts.startMs, text: startLine(fn, facts) }];
  const earlyMs = Math.min(endMs, facts.startMs + 1);
  if (fn.logsGatewayId === 'before_deciding' && facts.gatewayRequestId !== undefined) {
    lines.push({
      atMs: earlyMs,
      text: applicationLine(fn, facts, earlyMs, 'INFO', 'authorizing', gatewayOf(facts)),
    });
  }
  if (facts.carelessly !== undefined) {
    lines.push({ atMs: earlyMs, text: carelessLine(fn, facts, earlyMs, facts.carelessly) });
  }
  const lateMs = Math.max(earlyMs, endMs - 1);
  lines.push(...verdictLines(fn, facts, lateMs));
  lines.push(...closingLines(fn, facts, endMs));
  return lines;
}

/** Written when a new environment starts, before any invocation of it. Carries no request id. */
export function initLine(fn: FleetFunction, atMs: number): string {
  const version = 'nodejs:24.v12';
  const arn = `arn:aws:lambda:${fn.region}::runtime:0b1c2d3e4f`;
  if (fn.form !== 'lambda_json')
    return `INIT_START Runtime Version: ${version}\tRuntime Version ARN: ${arn}\n`;
  const record = {
    initializationType: 'on-demand',
    phase: 'init',
    runtimeVersion: version,
    runtimeVersionArn: arn,
    functionName: fn.name,
    functionVersion: '$LATEST',
  };
  return JSON.stringify({ time: iso(atMs), type: 'platform.initStart', record });
}

function verdictLines(fn: FleetFunction, facts: InvocationFacts, atMs: number): readonly LogLine[] {
  switch (facts.ending) {
    case 'allow':
    case 'deny':
      return [{ atMs, text: decisionLine(fn, facts, atMs) }];
    case 'unauthorized':
      return [
        { atMs, text: decisionLine(fn, facts, atMs) },
        { atMs, text: thrownLine(fn, facts, atMs, 'Error', 'Unauthorized') },
      ];
    case 'crash':
      return [
        {
          atMs,
          text: thrownLine(
            fn,
            facts,
            atMs,
            'TypeError',
            "Cannot read properties of undefined (reading 'kid')",
          ),
        },
      ];
    case 'timeout':
      return [];
  }
}

function decisionLine(fn: FleetFunction, facts: InvocationFacts, atMs: number): string {
  const allowed = facts.ending === 'allow';
  const withGateway = fn.logsGatewayId === 'with_decision' ? gatewayOf(facts) : {};
  if (fn.form === 'pipe') {
    return pipeLine(facts, atMs, 'AUTHZ', {
      verdict: allowed ? 'ALLOWED' : 'REFUSED',
      ...(facts.principal === undefined ? {} : { sub: facts.principal }),
      ...(facts.customer === undefined ? {} : { org: facts.customer }),
      why: facts.reason,
      ...(withGateway.apigwRequestId === undefined ? {} : { gw: withGateway.apigwRequestId }),
    });
  }
  return applicationLine(fn, facts, atMs, 'INFO', 'authorization decision', {
    decision: allowed ? 'Allow' : 'Deny',
    reason: facts.reason,
    ...(facts.principal === undefined ? {} : { principalId: facts.principal }),
    ...(facts.customer === undefined ? {} : { orgCustomerId: facts.customer }),
    ...withGateway,
  });
}

function gatewayOf(facts: InvocationFacts): { readonly apigwRequestId?: string } {
  return facts.gatewayRequestId === undefined ? {} : { apigwRequestId: facts.gatewayRequestId };
}

function carelessLine(
  fn: FleetFunction,
  facts: InvocationFacts,
  atMs: number,
  sent: CarelessHeaders,
): string {
  if (fn.form === 'pipe')
    return pipeLine(facts, atMs, 'DEBUG', { authorization: sent.authorization, cookie: sent.cookie });
  const event = {
    type: 'REQUEST',
    authorizationToken: sent.authorization,
    headers: { Authorization: sent.authorization, Cookie: sent.cookie },
    queryStringParameters: sent.query,
  };
  if (fn.form === 'text') return textLine(facts, atMs, 'DEBUG', `event ${JSON.stringify(event)}`);
  return applicationLine(fn, facts, atMs, 'DEBUG', 'event received', { event });
}

function applicationLine(
  fn: FleetFunction,
  facts: InvocationFacts,
  atMs: number,
  level: string,
  message: string,
  extra: Readonly<Record<string, unknown>>,
): string {
  switch (fn.form) {
    case 'text':
      return textLine(facts, atMs, level, `${message} ${keyValues(extra, ' ')}`);
    case 'pipe':
      return pipeLine(facts, atMs, message, extra);
    case 'lambda_json':
      return JSON.stringify({
        timestamp: iso(atMs),
        level,
        requestId: facts.lambdaRequestId,
        message: { event: message, ...extra },
      });
    case 'powertools':
      return powertoolsLine(fn, facts, atMs, level, message, extra);
  }
}

/** `@aws-lambda-powertools/logger`: `function_request_id` is the Lambda id, `correlation_id` the gateway's. */
function powertoolsLine(
  fn: FleetFunction,
  facts: InvocationFacts,
  atMs: number,
  level: string,
  message: string,
  extra: Readonly<Record<string, unknown>>,
): string {
  const { apigwRequestId, ...others } = extra;
  return JSON.stringify({
    level,
    message,
    timestamp: iso(atMs),
    service: fn.name,
    cold_start: facts.initMs !== undefined,
    function_arn: `arn:aws:lambda:${fn.region}:${fn.account}:function:${fn.name}`,
    function_memory_size: String(fn.memoryMb),
    function_name: fn.name,
    function_request_id: facts.lambdaRequestId,
    sampling_rate: 0,
    xray_trace_id: facts.traceId,
    ...(apigwRequestId === undefined ? {} : { correlation_id: apigwRequestId }),
    ...others,
  });
}

/** What the Node runtime prints for an uncaught error. Powertools and home-made forms go through its text mode, too. */
function thrownLine(
  fn: FleetFunction,
  facts: InvocationFacts,
  atMs: number,
  type: string,
  message: string,
): string {
  const stack = [`${type}: ${message}`, '    at handler (file:///var/task/index.mjs:27:11)'];
  if (fn.form === 'lambda_json') {
    const error = { errorType: type, errorMessage: message, stackTrace: stack };
    return JSON.stringify({
      timestamp: iso(atMs),
      level: 'ERROR',
      requestId: facts.lambdaRequestId,
      message: error,
    });
  }
  return textLine(
    facts,
    atMs,
    'ERROR',
    `Invoke Error \t${JSON.stringify({ errorType: type, errorMessage: message, stack })}`,
  );
}

function textLine(facts: InvocationFacts, atMs: number, level: string, text: string): string {
  return [iso(atMs), '\t', facts.lambdaRequestId, '\t', level, '\t', text, '\n'].join('');
}

function pipeLine(
  facts: InvocationFacts,
  atMs: number,
  word: string,
  extra: Readonly<Record<string, unknown>>,
): string {
  return [iso(atMs), word, `rid=${facts.lambdaRequestId}`, keyValues(extra, '|')].join('|');
}

function keyValues(extra: Readonly<Record<string, unknown>>, separator: string): string {
  return Object.entries(extra)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(separator);
}

function startLine(fn: FleetFunction, facts: InvocationFacts): string {
  const id = facts.lambdaRequestId;
  if (fn.form !== 'lambda_json') return ['START RequestId: ', id, ' Version: $LATEST\n'].join('');
  return JSON.stringify({
    time: iso(facts.startMs),
    type: 'platform.start',
    record: { requestId: id, version: '$LATEST' },
  });
}

function closingLines(fn: FleetFunction, facts: InvocationFacts, endMs: number): readonly LogLine[] {
  if (fn.form === 'lambda_json') return [{ atMs: endMs, text: jsonReport(fn, facts, endMs) }];
  const id = facts.lambdaRequestId;
  const lines: LogLine[] = [];
  if (facts.ending === 'timeout') {
    lines.push({
      atMs: endMs,
      text: `${iso(endMs)} ${id} Task timed out after ${fn.timeoutS}.00 seconds\n\n`,
    });
  }
  lines.push(
    { atMs: endMs, text: ['END RequestId: ', id, '\n'].join('') },
    { atMs: endMs, text: textReport(fn, facts) },
  );
  return lines;
}

function textReport(fn: FleetFunction, facts: InvocationFacts): string {
  const init = facts.initMs === undefined ? '' : `Init Duration: ${facts.initMs.toFixed(2)} ms\t`;
  const status = facts.ending === 'timeout' ? 'Status: timeout\t' : '';
  return [
    `REPORT RequestId: ${facts.lambdaRequestId}`,
    `Duration: ${facts.durationMs.toFixed(2)} ms`,
    `Billed Duration: ${Math.ceil(facts.durationMs)} ms`,
    `Memory Size: ${fn.memoryMb} MB`,
    'Max Memory Used: 92 MB',
    `${init}${status}\n`,
  ].join('\t');
}

const REPORT_STATUS = {
  allow: 'success',
  deny: 'success',
  unauthorized: 'error',
  crash: 'error',
  timeout: 'timeout',
} as const;

function jsonReport(fn: FleetFunction, facts: InvocationFacts, endMs: number): string {
  const metrics = {
    durationMs: round2(facts.durationMs),
    billedDurationMs: Math.ceil(facts.durationMs),
    memorySizeMB: fn.memoryMb,
    maxMemoryUsedMB: 92,
    ...(facts.initMs === undefined ? {} : { initDurationMs: round2(facts.initMs) }),
  };
  const record = { requestId: facts.lambdaRequestId, metrics, status: REPORT_STATUS[facts.ending] };
  return JSON.stringify({ time: iso(endMs), type: 'platform.report', record });
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}

let lastMs = Number.NaN;
let lastIso = '';

function iso(ms: number): string {
  if (ms === lastMs) return lastIso;
  lastMs = ms;
  lastIso = new Date(ms).toISOString();
  return lastIso;
}
