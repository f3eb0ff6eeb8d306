import { connect, createServer, type Server, type Socket } from 'node:net';
import { createRandom } from '../../src/sandbox/random.ts';

/**
 * What happens to the bytes of one direction. `latency`: each chunk waits, a seeded part of `jitterMs` longer.
 * `pace`: no more than so many bytes a second, in pieces, and no more is read than that, so the sender's buffers fill.
 * `cut`: that many bytes pass, then both sides are reset, both end, or (`half_close`) only this direction ends.
 * `black_hole`: that many bytes pass, the others are read and vanish; the connection stays open.
 */
export type Toxic =
  | { readonly kind: 'latency'; readonly ms: number; readonly jitterMs?: number }
  | { readonly kind: 'pace'; readonly bytesPerSecond: number; readonly pieceBytes?: number }
  | { readonly kind: 'cut'; readonly afterBytes: number; readonly how: 'reset' | 'end' | 'half_close' }
  | { readonly kind: 'black_hole'; readonly afterBytes?: number };

/** Per direction, applied in order. `refuse`: the connection is reset before a byte passes. */
export interface Toxics {
  readonly refuse?: true;
  readonly toServer?: readonly Toxic[];
  readonly toClient?: readonly Toxic[];
}

/** One connection that came through, numbered from 1. Bytes are those that passed on. */
export interface ProxiedConnection {
  readonly number: number;
  bytesToServer: number;
  bytesToClient: number;
  /** What latency added to each chunk, both directions in the order they came, milliseconds. */
  readonly latencies: number[];
}

export interface ChaosProxy {
  /** `http://127.0.0.1:<port>`; the scheme is for the client to change. */
  readonly url: string;
  readonly connections: readonly ProxiedConnection[];
  /** Toxics of the connections that open from now on, by their number. */
  plan: (connection: number) => Toxics;
  /** Resets every connection that is open. */
  resetAll(): void;
  close(): Promise<void>;
}

/** One byte a second: what keeps a time-out on silence from ever firing. */
export const DRIP: Toxic = { kind: 'pace', bytesPerSecond: 1, pieceBytes: 1 };

/** A TCP proxy on a free port before `target` that treats connections as badly as it is told to. Its jitter is seeded. */
export async function startChaosProxy(target: string | URL, seed = 1): Promise<ChaosProxy> {
  const { hostname, port } = new URL(target);
  const open = new Set<Link>();
  const connections: ProxiedConnection[] = [];
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const number = connections.length + 1;
    const connection: ProxiedConnection = { number, bytesToServer: 0, bytesToClient: 0, latencies: [] };
    connections.push(connection);
    const toxics = proxy.plan(number);
    const random = createRandom(seed, `connection ${number}`).next;
    const upstream = () => connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const link = new Link({ client, upstream, toxics, connection, random });
    open.add(link);
    link.closed.then(() => open.delete(link));
  });
  const proxy: ChaosProxy = {
    url: `http://127.0.0.1:${await listen(server)}`,
    connections,
    plan: () => ({}),
    resetAll: () => {
      for (const link of open) link.reset();
    },
    close: async () => {
      for (const link of open) link.reset();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return proxy;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

interface LinkOptions {
  readonly client: Socket;
  readonly upstream: () => Socket;
  readonly toxics: Toxics;
  readonly connection: ProxiedConnection;
  readonly random: () => number;
}

/** The two sockets of one connection, and what is waited for between them. */
class Link {
  readonly closed: Promise<void>;
  readonly #sockets: readonly Socket[];
  readonly #waits = new Set<() => void>();
  #isOver = false;

  constructor({ client, upstream, toxics, connection, random }: LinkOptions) {
    if (toxics.refuse) {
      client.resetAndDestroy();
      this.#sockets = [];
      this.closed = Promise.resolve();
      return;
    }
    const server = upstream();
    this.#sockets = [client, server];
    // A reset arrives as an error; `close` follows and ends the link.
    for (const socket of this.#sockets) socket.on('error', () => this.reset()).setNoDelay(true);
    const common = { random, latencies: connection.latencies };
    const addThere = (bytes: number) => {
      connection.bytesToServer += bytes;
    };
    const addBack = (bytes: number) => {
      connection.bytesToClient += bytes;
    };
    const there = this.#pump(client, {
      ...common,
      to: server,
      toxics: toxics.toServer ?? [],
      passed: addThere,
    });
    const back = this.#pump(server, {
      ...common,
      to: client,
      toxics: toxics.toClient ?? [],
      passed: addBack,
    });
    this.closed = Promise.all([there, back]).then(() => this.#end());
  }

  reset(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
    for (const wake of this.#waits) wake();
  }

  #end(): void {
    this.#isOver = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  async #pump(from: Socket, way: Way): Promise<void> {
    let arrived = 0;
    try {
      for await (const chunk of from.iterator({ destroyOnReturn: false })) {
        const bytes = Buffer.from(chunk);
        const end = await this.#pass(bytes, arrived, way);
        arrived += bytes.length;
        if (end === 'half_close') break;
        if (end === 'over') return;
      }
    } catch {
      // The other side reset the connection: this link is over, and says so by closing.
    }
    if (!this.#isOver) way.to.end();
  }

  async #pass(bytes: Buffer, before: number, way: Way): Promise<'go_on' | 'half_close' | 'over'> {
    for (const toxic of way.toxics) {
      if (toxic.kind !== 'latency') continue;
      const ms = toxic.ms + way.random() * (toxic.jitterMs ?? 0);
      way.latencies.push(ms);
      await this.#wait(ms);
    }
    const limit = way.toxics.find((toxic) => toxic.kind === 'cut' || toxic.kind === 'black_hole');
    const room = limit === undefined ? bytes.length : Math.max(0, (limit.afterBytes ?? 0) - before);
    await this.#writePaced(bytes.subarray(0, room), way);
    if (this.#isOver) return 'over';
    if (limit?.kind !== 'cut' || before + bytes.length < limit.afterBytes) return 'go_on';
    if (limit.how === 'half_close') return 'half_close';
    if (limit.how === 'reset') this.reset();
    else this.#end();
    return 'over';
  }

  async #writePaced(bytes: Buffer, way: Way): Promise<void> {
    const pace = way.toxics.find((toxic) => toxic.kind === 'pace');
    const piece =
      pace?.pieceBytes ?? (pace === undefined ? bytes.length : Math.ceil(pace.bytesPerSecond / 20));
    for (let at = 0; at < bytes.length && !this.#isOver; at += piece) {
      const part = bytes.subarray(at, at + piece);
      if (pace !== undefined) await this.#wait((part.length / pace.bytesPerSecond) * 1_000);
      if (this.#isOver) return;
      way.passed(part.length);
      if (!way.to.write(part)) await this.#drained(way.to);
    }
  }

  /** Waits, at most until the link is over. */
  #wait(ms: number): Promise<void> {
    return this.#until((wake) => {
      const timer = setTimeout(wake, ms);
      return () => clearTimeout(timer);
    });
  }

  #drained(socket: Socket): Promise<void> {
    return this.#until((wake) => {
      socket.once('drain', wake).once('close', wake);
      return () => socket.off('drain', wake).off('close', wake);
    });
  }

  #until(begin: (wake: () => void) => () => unknown): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        stop();
        this.#waits.delete(wake);
        resolve();
      };
      const stop = begin(wake);
      this.#waits.add(wake);
    });
  }
}

interface Way {
  readonly to: Socket;
  readonly toxics: readonly Toxic[];
  readonly random: () => number;
  readonly latencies: number[];
  readonly passed: (bytes: number) => void;
}
