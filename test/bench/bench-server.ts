/**
 * The servers of the benchmark, in a process of their own: FilterLogEvents from ready pages, the control plane of the
 * sandbox, and HEC and OTLP endpoints that read bodies, count them and throw them away.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createAlarming } from '../../src/sandbox/aws/alarming.ts';
import { createAwsServer } from '../../src/sandbox/aws/aws-server.ts';
import { awsLimits } from '../../src/sandbox/aws/operation.ts';
import { Counters, FaultInjector } from '../../src/sandbox/faults.ts';
import { type AnyReply, callOf, readBody, writeReply } from '../../src/sandbox/http-exchange.ts';
import { benchWorld } from './bench-fleet.ts';
import { ROUND_MS } from './bench-traffic.ts';
import { type FilterRequest, LogPages } from './log-pages.ts';
import type { ServerOrder, ServerReady } from './messages.ts';

const MAX_BODY = 64 * 1_024 * 1_024;

process.once('message', (order: ServerOrder) => {
  void serve(order);
});
process.once('disconnect', () => process.exit());

async function serve(order: ServerOrder): Promise<void> {
  const sizes = new LogPages(0, 0);
  const perRound = order.count === 'access' ? sizes.accessPerRound : sizes.eventsPerRound;
  const rounds = Math.ceil(order.events / perRound);
  const fromMs = order.nowMs - rounds * ROUND_MS;
  const pages = new LogPages(fromMs, order.nowMs);
  const counters = new Counters();
  const answer = answering(order, pages, fromMs, counters);
  const server = createServer((request, response) => void handle(request, response, answer, counters));
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('Expected a port');
    const ready: ServerReady = {
      url: `http://127.0.0.1:${address.port}`,
      fromMs,
      events: rounds * pages.eventsPerRound,
      accessEvents: rounds * pages.accessPerRound,
      groups: pages.groupNames,
    };
    process.send?.(ready);
  });
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (request: IncomingMessage, body: Buffer) => AnyReply,
  counters: Counters,
): Promise<void> {
  if (request.url?.startsWith('/services/') || request.url?.startsWith('/api/')) {
    const where = request.url.startsWith('/services/') ? 'hec' : 'otlp';
    counters.add(`${where}.bodies`);
    for await (const chunk of request)
      counters.add(`${where}.bytes`, Buffer.isBuffer(chunk) ? chunk.length : 0);
    await writeReply(response, where === 'hec' ? HEC_SUCCESS : OTLP_SUCCESS);
    return;
  }
  await writeReply(response, answer(request, await readBody(request, MAX_BODY)));
}

const HEC_SUCCESS: AnyReply = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: '{"text":"Success","code":0}',
};

/** An empty message: everything was accepted. */
const OTLP_SUCCESS: AnyReply = {
  status: 200,
  headers: { 'content-type': 'application/x-protobuf' },
  body: Buffer.alloc(0),
};

function answering(
  order: ServerOrder,
  pages: LogPages,
  fromMs: number,
  counters: Counters,
): (request: IncomingMessage, body: Buffer) => AnyReply {
  const world = benchWorld(fromMs, order.nowMs);
  const aws = createAwsServer({
    context: {
      world,
      now: () => order.nowMs,
      hostNow: () => Date.now(),
      faults: new FaultInjector({ settings: { names: [] }, seed: 1, counters: new Counters() }),
      limits: awsLimits,
      externalIds: {},
      ...createAlarming({ world }),
    },
    quotas: undefined,
    counters,
  });
  return (request, body) => {
    if (request.headers['x-amz-target'] !== 'Logs_20140328.FilterLogEvents')
      return aws.answer(callOf(request, body));
    const asked = JSON.parse(body.toString()) as FilterRequest;
    const denied = order.authorizers === 'denied' && asked.logGroupName.startsWith('/aws/lambda/');
    counters.add(denied ? 'pages.denied' : 'pages');
    return denied ? DENIED : { status: 200, headers: JSON_1_1, body: pages.answer(asked) };
  };
}

const JSON_1_1 = { 'content-type': 'application/x-amz-json-1.1' };

const DENIED: AnyReply = {
  status: 400,
  headers: JSON_1_1,
  body: JSON.stringify({
    __type: 'AccessDeniedException',
    message: 'User: bench is not authorized to perform: logs:FilterLogEvents',
  }),
};
