import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as the SDK sent it. */
export interface StubCall {
  /** `FilterLogEvents`, `GetMetricData`, `AssumeRole`, or the path of a REST-style call without its query. */
  readonly operation: string;
  readonly body: Record<string, unknown>;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** From the SigV4 credential scope. */
  readonly accessKeyId: string;
  readonly region: string;
}

export interface StubAnswer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  /** An object is sent as JSON, a string as it is. */
  readonly body: unknown;
}

/** Writes to the response by itself, for answers that stall or break off. */
export type StubHandler = (call: StubCall, response: ServerResponse) => StubAnswer | undefined;

export interface AwsStub {
  readonly calls: StubCall[];
  /** Calls of one operation, in order. */
  of(operation: string): StubCall[];
  close(): Promise<void>;
}

/** A local server that speaks the wire protocols of the five services, and the environment that points the SDK at it. */
export async function startAwsStub(handler: StubHandler): Promise<AwsStub> {
  const calls: StubCall[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const call = callOf(request, Buffer.concat(chunks).toString('utf8'));
      calls.push(call);
      const answer = handler(call, response);
      if (answer) send(response, answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const restore = pointSdkAt((server.address() as AddressInfo).port);
  return {
    calls,
    of: (operation) => calls.filter((call) => call.operation === operation),
    close: () => {
      restore();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function callOf(request: IncomingMessage, text: string): StubCall {
  const url = new URL(request.url ?? '/', 'http://stub');
  const target = String(request.headers['x-amz-target'] ?? '');
  const form = String(request.headers['content-type'] ?? '').includes('urlencoded');
  const body = form
    ? (Object.fromEntries(new URLSearchParams(text)) as Record<string, unknown>)
    : text === ''
      ? {}
      : (JSON.parse(text) as Record<string, unknown>);
  const scope = /Credential=([^/]+)\/\d+\/([^/]+)\//.exec(String(request.headers.authorization ?? ''));
  return {
    operation: target.split('.')[1] ?? (form ? String(body.Action) : url.pathname),
    body,
    query: url.searchParams,
    headers: request.headers,
    accessKeyId: scope?.[1] ?? '',
    region: scope?.[2] ?? '',
  };
}

function send(response: ServerResponse, answer: StubAnswer): void {
  const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
  response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
  response.end(text);
}

export function pointSdkAt(port: number): () => void {
  const settings: Record<string, string> = {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: 'AKIACENTRAL',
    AWS_SECRET_ACCESS_KEY: 'not-a-secret',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  };
  const before = Object.keys(settings).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, settings);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}

/** An error in AWS JSON form. */
export function awsError(name: string, message = 'said the stub', status = 400): StubAnswer {
  return { status, body: { __type: name, message } };
}

/** The STS answer to AssumeRole: XML, as STS still speaks AWS Query. */
export function assumedRole(accessKeyId: string): StubAnswer {
  const expiration = new Date(Date.now() + 3_600_000).toISOString();
  return {
    headers: { 'content-type': 'text/xml' },
    body: `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser><AssumedRoleId>A:gatewatch</AssumedRoleId><Arn>arn:aws:sts::444455556666:assumed-role/gatewatch/gatewatch</Arn></AssumedRoleUser><Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>assumed</SecretAccessKey><SessionToken>session</SessionToken><Expiration>${expiration}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
  };
}

export function callerIdentity(account: string): StubAnswer {
  return {
    headers: { 'content-type': 'text/xml' },
    body: `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::${account}:user/reader</Arn><UserId>AIDA</UserId><Account>${account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
  };
}
