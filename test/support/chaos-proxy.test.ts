import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChaosProxy, DRIP, startChaosProxy, type Toxics } from './chaos-proxy.ts';

let echo: Server;
let proxy: ChaosProxy;
/** What the server behind the proxy received, all connections together. */
let received: string;

beforeEach(async () => {
  received = '';
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (chunk) => {
      received += chunk.toString();
      socket.write(chunk);
    });
    socket.on('end', () => socket.end('bye')).on('error', () => undefined);
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  const address = echo.address();
  proxy = await startChaosProxy(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
});

afterEach(async () => {
  await proxy.close();
  await new Promise((resolve) => echo.close(resolve));
});

interface Talk {
  readonly socket: Socket;
  /** What came back until now. */
  text(): string;
  /** How the connection ended: `end`, or the code of its error. */
  readonly ended: Promise<string>;
}

function talk(toxics: Toxics | ChaosProxy['plan'], say?: string): Talk {
  proxy.plan = typeof toxics === 'function' ? toxics : () => toxics;
  const socket = connect({ port: Number(new URL(proxy.url).port), host: '127.0.0.1', allowHalfOpen: true });
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  const ended = new Promise<string>((resolve) => {
    socket.on('end', () => resolve('end'));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  if (say !== undefined) socket.write(say);
  return { socket, text: () => text, ended };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('the chaos proxy', () => {
  it('passes everything both ways, ends included, when nothing is asked of it', async () => {
    const { socket, text, ended } = talk({}, 'hello');
    await until(() => text() === 'hello');
    socket.end();
    expect(await ended).toBe('end');
    expect(text()).toBe('hellobye');
    expect(proxy.connections).toMatchObject([{ number: 1, bytesToServer: 5, bytesToClient: 8 }]);
  });

  it('refuses a connection with a reset', async () => {
    const { ended } = talk({ refuse: true }, 'hello');
    expect(await ended).toBe('ECONNRESET');
    expect(received).toBe('');
  });

  it('makes each chunk wait, in one direction alone', async () => {
    const begun = performance.now();
    const { text } = talk({ toClient: [{ kind: 'latency', ms: 60, jitterMs: 20 }] }, 'hello');
    await until(() => received === 'hello');
    expect(text()).toBe('');
    await until(() => text() === 'hello');
    expect(performance.now() - begun).toBeGreaterThanOrEqual(59);
  });

  it('resets both sides after that many bytes of a request', async () => {
    const { ended } = talk({ toServer: [{ kind: 'cut', afterBytes: 3, how: 'reset' }] }, 'hello');
    expect(await ended).toBe('ECONNRESET');
    expect('hel'.startsWith(received)).toBe(true);
    expect(proxy.connections[0]?.bytesToServer).toBe(3);
  });

  it('lets a request through and loses its answer', async () => {
    const { text, ended } = talk({ toClient: [{ kind: 'cut', afterBytes: 0, how: 'reset' }] }, 'hello');
    expect(await ended).toBe('ECONNRESET');
    expect(received).toBe('hello');
    expect(text()).toBe('');
  });

  it('ends an answer in the middle', async () => {
    const { text, ended } = talk({ toClient: [{ kind: 'cut', afterBytes: 2, how: 'end' }] }, 'hello');
    expect(await ended).toBe('end');
    expect(text()).toBe('he');
  });

  it('closes one direction and leaves the other open', async () => {
    const { text, ended } = talk({ toServer: [{ kind: 'cut', afterBytes: 2, how: 'half_close' }] }, 'hello');
    expect(await ended).toBe('end');
    expect(received).toBe('he');
    expect(text()).toBe('hebye');
  });

  it('swallows what it is given and keeps the connection', async () => {
    const { socket, text } = talk({ toServer: [{ kind: 'black_hole', afterBytes: 1 }] }, 'hello');
    await until(() => text() === 'h');
    socket.write('more');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(received).toBe('h');
    expect(socket.destroyed).toBe(false);
  });

  it('drips one byte a second', async () => {
    const { text } = talk({ toClient: [DRIP] }, 'hello');
    await until(() => text() === 'h');
    expect(received).toBe('hello');
  }, 3_000);

  it('keeps to a bandwidth, and reads no faster than that', async () => {
    const begun = performance.now();
    const large = 'x'.repeat(2_000_000);
    const pace = { toServer: [{ kind: 'pace', bytesPerSecond: 10_000_000 }] } as const;
    const { socket } = talk(pace, large);
    expect(socket.writableLength).toBeGreaterThan(0);
    await until(() => received.length === large.length);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(195);
  });

  it('holds a fast sender back while the way is slow', async () => {
    const { socket } = talk({ toServer: [{ kind: 'pace', bytesPerSecond: 100 }] }, 'x'.repeat(20_000_000));
    await until(() => received.length > 0);
    expect(socket.writableLength).toBeGreaterThan(0);
    expect(received.length).toBeLessThan(1_000);
  });

  it('treats each connection as its number asks', async () => {
    const plan = (number: number): Toxics => (number === 1 ? { refuse: true } : {});
    expect(await talk(plan, 'hello').ended).toBe('ECONNRESET');
    const second = talk(plan, 'again');
    await until(() => second.text() === 'again');
    expect(proxy.connections.map(({ number }) => number)).toEqual([1, 2]);
  });

  it('resets all that is open when told so', async () => {
    const { text, ended } = talk({}, 'hello');
    await until(() => text() === 'hello');
    proxy.resetAll();
    expect(await ended).toBe('ECONNRESET');
  });

  it('waits the same for the same seed, and otherwise for another', async () => {
    const waits = async (seed: number) => {
      const other = await startChaosProxy(proxy.url, seed);
      other.plan = () => ({ toServer: [{ kind: 'latency', ms: 2, jitterMs: 8 }] });
      const socket = connect(Number(new URL(other.url).port), '127.0.0.1');
      socket.write('x');
      await new Promise((resolve) => socket.once('data', resolve));
      socket.destroy();
      await other.close();
      return other.connections[0]?.latencies;
    };
    const [one, again, another] = [await waits(5), await waits(5), await waits(6)];
    expect(one).toHaveLength(1);
    expect(again).toEqual(one);
    expect(another).not.toEqual(one);
  });
});
