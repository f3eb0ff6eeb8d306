/**
 * AWS and both destinations of a live run, in a process of their own. Log lines come at the rates that were ordered; what
 * the destinations accept is kept, with the moment it was answered, for whoever works it out afterwards.
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { createAlarming } from '../../../src/sandbox/aws/alarming.ts';
import { createAwsServer } from '../../../src/sandbox/aws/aws-server.ts';
import { awsLimits } from '../../../src/sandbox/aws/operation.ts';
import { Counters, FaultInjector } from '../../../src/sandbox/faults.ts';
import { type AnyReply, callOf, readBody, writeReply } from '../../../src/sandbox/http-exchange.ts';
import { benchWorld } from '../bench-fleet.ts';
import { ROUND_MS } from '../bench-traffic.ts';
import type { FilterRequest } from '../log-pages.ts';
import { type BodyKeeper, bodyHead, SINK_NAMES, type SinkName } from './kept-bodies.ts';
import { LivePages } from './live-pages.ts';
import { LIVE_APIS } from './live-traffic.ts';
import type { LiveOrder, ServerTold, ServerWord } from './messages.ts';

const MAX_BODY = 64 * 1_024 * 1_024;
const JSON_1_1 = { 'content-type': 'application/x-amz-json-1.1' };

process.once('message', (order: LiveOrder) => new LiveServer(order).listen());
process.once('disconnect', () => process.exit());

class LiveServer {
  readonly #order: LiveOrder;
  readonly #pages: LivePages;
  readonly #files: ReadonlyMap<SinkName, WriteStream>;
  readonly #aws: (request: IncomingMessage, body: Buffer) => AnyReply;
  #url = '';
  #answered = 0;
  #pageBytes = 0;
  #throttled = 0;
  #bodies = 0;
  #lastBodyMs = 0;
  #tokens: number;
  #tokensAtMs = performance.now();

  constructor(order: LiveOrder) {
    this.#order = order;
    this.#pages = new LivePages(order.phases);
    this.#files = new Map(
      SINK_NAMES.map((name) => [name, createWriteStream(join(order.folder, `${name}.bodies`))]),
    );
    this.#aws = controlPlane();
    this.#tokens = order.quotaPerSecond;
  }

  listen(): void {
    const server = createServer((request, response) => void this.#handle(request, response));
    server.keepAliveTimeout = 60_000;
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('Expected a port');
      this.#url = `http://127.0.0.1:${address.port}`;
      process.send?.(this.#told());
    });
    process.on('message', (word: ServerWord) => {
      // A whole second of silence, so that the first round begins as every other does.
      if (word === 'begin') this.#pages.startMs = Math.ceil((Date.now() + 1_000) / ROUND_MS) * ROUND_MS;
      process.send?.(this.#told());
    });
  }

  #told(): ServerTold {
    const { startMs } = this.#pages;
    const { user, system } = process.cpuUsage();
    return {
      url: this.#url,
      ...(Number.isFinite(startMs) && { startMs }),
      pages: this.#answered,
      pageBytes: this.#pageBytes,
      throttled: this.#throttled,
      bodies: this.#bodies,
      lastBodyMs: this.#lastBodyMs,
      cpuSeconds: (user + system) / 1e6,
    };
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, MAX_BODY);
    const url = request.url ?? '';
    if (url.startsWith('/services/')) await this.#accept('splunk', request, body, response);
    else if (url.startsWith('/api/')) await this.#accept('dynatrace', request, body, response);
    else if (request.headers['x-amz-target'] === 'Logs_20140328.FilterLogEvents')
      await this.#filter(body, response);
    else await writeReply(response, this.#aws(request, body));
  }

  async #filter(body: Buffer, response: ServerResponse): Promise<void> {
    if (!this.#admits()) {
      this.#throttled += 1;
      await writeReply(response, THROTTLED);
      return;
    }
    if (this.#order.callMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#order.callMs));
    const asked: FilterRequest = JSON.parse(body.toString());
    const page = this.#pages.answer(asked, Date.now());
    this.#answered += 1;
    this.#pageBytes += page.length;
    response.writeHead(200, { ...JSON_1_1, 'content-length': page.length, date: new Date().toUTCString() });
    response.end(page);
  }

  /** A bucket that holds one second of the quota, as the service has it. */
  #admits(): boolean {
    const nowMs = performance.now();
    const { quotaPerSecond } = this.#order;
    const refilled = this.#tokens + ((nowMs - this.#tokensAtMs) * quotaPerSecond) / 1_000;
    this.#tokens = Math.min(quotaPerSecond, refilled);
    this.#tokensAtMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  async #accept(
    sink: SinkName,
    request: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
  ): Promise<void> {
    const keeper: BodyKeeper | undefined = this.#files.get(sink);
    const isMetrics = request.url?.endsWith('/v1/metrics') === true;
    await writeReply(response, sink === 'splunk' ? HEC_SUCCESS : OTLP_SUCCESS);
    const answeredMs = Date.now();
    this.#bodies += 1;
    this.#lastBodyMs = answeredMs;
    if (isMetrics) return;
    keeper?.write(bodyHead(answeredMs, body.length, request.headers['content-encoding'] === 'gzip'));
    keeper?.write(body);
  }
}

/** Everything but log events: the APIs, their stages and authorizers, and metrics without points. */
function controlPlane(): (request: IncomingMessage, body: Buffer) => AnyReply {
  const nowMs = Date.now();
  const world = benchWorld(nowMs, nowMs, LIVE_APIS);
  const aws = createAwsServer({
    context: {
      world,
      now: () => Date.now(),
      hostNow: () => Date.now(),
      faults: new FaultInjector({ settings: { names: [] }, seed: 1, counters: new Counters() }),
      limits: awsLimits,
      externalIds: {},
      ...createAlarming({ world }),
    },
    quotas: undefined,
    counters: new Counters(),
  });
  return (request, body) => aws.answer(callOf(request, body));
}

const THROTTLED: AnyReply = {
  status: 400,
  headers: JSON_1_1,
  body: JSON.stringify({ __type: 'ThrottlingException', message: 'Rate exceeded' }),
};

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
