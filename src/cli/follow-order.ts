import type { Clock } from '../core/clock.ts';
import { hasEnded, type Order, type OrderDesk } from '../model/order.ts';
import type { CliContext } from './context.ts';
import { createProgressView } from './order-progress.ts';

/** What commands that place orders touch beside the context. */
export interface OrderHost {
  readonly openDesk: (path: string) => Promise<OrderDesk>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Operating-system name of whoever runs the command: kept with the order. */
  readonly operator: string;
}

/** Exit code: something is left to do, and said so. */
export const LEFT_UNDONE = 3;
const FOLLOW_MS = 500;

/** What every order begins with. */
export function newOrder(context: CliContext, host: OrderHost, asked: string) {
  return {
    id: Buffer.from(context.randomBytes(9)).toString('base64url'),
    asked,
    createdMs: context.now(),
    by: host.operator,
    state: 'pending' as const,
    progress: {},
  };
}

/**
 * Writes orders for whoever holds the journal and follows them to their ends. Without a worker they wait for one, which
 * is said. `doneText` puts an ended order into words.
 */
export async function placeAndFollow(
  context: CliContext,
  host: OrderHost,
  path: string,
  orders: readonly Order[],
  options: { readonly detach: boolean; readonly doneText: (order: Order) => string },
): Promise<readonly Order[]> {
  const desk = await host.openDesk(path);
  try {
    for (const order of orders) await desk.place(order);
    const holder = await desk.holder();
    const which = orders.map(({ id }) => id).join(', ');
    if (holder === undefined) {
      context.stdout.write(
        `No worker holds the journal: order ${which} waits for the next \`gatewatch run\` or \`gatewatch once\`.\n`,
      );
      if (!options.detach) context.setExitCode(LEFT_UNDONE);
      return [];
    }
    context.stdout.write(`The journal is held by ${holder}: it carries out order ${which}.\n`);
    if (options.detach) return [];
    const ended: Order[] = [];
    for (const { id } of orders) {
      const order = await followOrder(context, host, desk, id, options.doneText);
      if (order !== undefined) ended.push(order);
    }
    return ended;
  } finally {
    await desk.close();
  }
}

/** Shows an order until it has ended, nobody holds the journal any more, or the person has seen enough. */
export async function followOrder(
  context: CliContext,
  host: OrderHost,
  desk: OrderDesk,
  orderId: string,
  doneText: (order: Order) => string,
): Promise<Order | undefined> {
  const view = createProgressView(context.stdout, () => context.now());
  let started = false;
  const order = await untilEnded(host, desk, orderId, (standing) => {
    started = true;
    view.show(standing);
  });
  if (started) view.end();
  const say = (text: string, code: number) => {
    context.stderr.write(`${text}\n`);
    context.setExitCode(code);
  };
  if (order?.state === 'done') context.stdout.write(`${doneText(order)}\n`);
  else if (order?.state === 'failed') say(`The order failed: ${order.message ?? 'no reason was kept'}.`, 1);
  else if (host.signal.aborted)
    context.stderr.write('The worker goes on; `gatewatch orders` shows how far.\n');
  else say('The worker went away. The order is kept: the next worker goes on with it.', LEFT_UNDONE);
  return order;
}

async function untilEnded(
  host: OrderHost,
  desk: OrderDesk,
  orderId: string,
  show: (order: Order) => void,
): Promise<Order | undefined> {
  for (;;) {
    const order = (await desk.orders()).find(({ id }) => id === orderId);
    if (order !== undefined) show(order);
    const ended = order === undefined || hasEnded(order);
    if (ended || host.signal.aborted || (await desk.holder()) === undefined) return order;
    await host.clock.sleep(FOLLOW_MS, host.signal).catch(() => undefined);
  }
}
