/**
 * The floor that the product is measured against, in a process of its own: keep-alive, pages of 1 MB, one parse for each
 * page and each message, stringify, gzip at level 1, bodies of 2 MiB, each POSTed to both stand-ins. No journal, no join,
 * no redaction; one body serves both, although no two destinations take the same one.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Pool } from 'undici';
import { measure, type Outcome } from './measure.ts';
import type { Task } from './messages.ts';

const BODY_BYTES = 2 * 1_048_576;
const compress = promisify(gzip);

process.once('message', (task: Task) => {
  void run(task);
});

async function run(task: Task): Promise<void> {
  const pool = new Pool(task.server.url, { connections: 16 });
  const measured = await measure(() => loop(task, pool));
  await pool.close();
  process.send?.(measured, () => process.disconnect());
}

interface Page {
  readonly events?: readonly { readonly timestamp: number; readonly message: string }[];
  readonly nextToken?: string;
}

async function loop(task: Task, pool: Pool): Promise<Outcome> {
  const bodies = new Bodies(pool);
  const counts = await Promise.all(task.server.groups.map((group) => copyGroup(task, group, pool, bodies)));
  await bodies.flush();
  const events = counts.reduce((sum, count) => sum + count, 0);
  const faults =
    events === task.server.events ? [] : [`expected ${task.server.events} events, read ${events}`];
  return { events, notes: { bodies: bodies.sent, bytes: bodies.bytes }, faults };
}

async function copyGroup(task: Task, group: string, pool: Pool, bodies: Bodies): Promise<number> {
  let count = 0;
  let nextToken: string | undefined;
  do {
    const page = await readPage(task, group, nextToken, pool);
    for (const { timestamp, message } of page.events ?? []) {
      count += 1;
      const event: unknown = message.startsWith('{') ? JSON.parse(message) : message;
      bodies.add(JSON.stringify({ time: timestamp / 1_000, source: group, event }));
      if (bodies.isFull) await bodies.flush();
    }
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return count;
}

async function readPage(task: Task, group: string, nextToken: string | undefined, pool: Pool): Promise<Page> {
  const { body } = await pool.request({
    method: 'POST',
    path: '/',
    headers: {
      'x-amz-target': 'Logs_20140328.FilterLogEvents',
      'content-type': 'application/x-amz-json-1.1',
    },
    body: JSON.stringify({
      logGroupName: group,
      startTime: task.server.fromMs,
      endTime: task.nowMs,
      nextToken,
    }),
  });
  return JSON.parse(await body.text()) as Page;
}

class Bodies {
  readonly #pool: Pool;
  #lines: string[] = [];
  #size = 0;
  sent = 0;
  bytes = 0;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  get isFull(): boolean {
    return this.#size >= BODY_BYTES;
  }

  add(line: string): void {
    this.#lines.push(line);
    this.#size += line.length;
  }

  async flush(): Promise<void> {
    if (this.#lines.length === 0) return;
    const text = this.#lines.join('\n');
    this.#lines = [];
    this.#size = 0;
    const body = await compress(text, { level: 1 });
    this.bytes += body.length;
    await Promise.all(PATHS.map((path) => this.#post(path, body)));
  }

  async #post(path: string, body: Buffer): Promise<void> {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const answer = await this.#pool.request({ method: 'POST', path, headers, body });
    await answer.body.dump();
    this.sent += 1;
  }
}

const PATHS = ['/services/collector/event', '/api/v2/otlp/v1/logs'];
