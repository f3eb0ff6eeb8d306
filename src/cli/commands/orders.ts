import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Order } from '../../model/order.ts';
import { spanText, tableOf } from '../backfill-text.ts';
import { DEFAULT_CONFIG_PATH, requireConfig } from '../config-file.ts';
import type { CliContext } from '../context.ts';
import { placeText } from '../order-progress.ts';
import type { OpenReader } from './audit.ts';

interface OrdersOptions {
  readonly config: string;
  readonly journal?: string;
  readonly json?: true;
}

/** `gatewatch orders`: who asked the worker for what, when, and what came of it. */
export function createOrdersCommand(context: CliContext, openReader: OpenReader): Command {
  return new Command('orders')
    .description('backfills, replays, retries and drops: who ordered what, when, and what came of it')
    .option('--json', 'as JSON')
    .option('--journal <path>', 'journal file, instead of the one the configuration names')
    .option('-c, --config <path>', 'configuration file', DEFAULT_CONFIG_PATH)
    .addHelpText('after', '\nExample:\n  gatewatch orders --json')
    .action(async (options: OrdersOptions) => {
      const path =
        options.journal === undefined
          ? requireConfig(context, options.config).config.journal.path
          : resolve(context.cwd, options.journal);
      const reader = await openReader(path);
      try {
        const orders = await reader.orders();
        context.stdout.write(options.json ? `${JSON.stringify(orders, null, 2)}\n` : ordersText(orders));
      } finally {
        await reader.close();
      }
    });
}

function ordersText(orders: readonly Order[]): string {
  if (orders.length === 0) return 'no orders\n';
  const rows = orders.map((order) => [
    `${new Date(order.createdMs).toISOString().slice(0, 19)}Z`,
    order.by ?? '-',
    order.id,
    order.kind,
    order.state,
    whatText(order),
    [placeText(order), order.message].filter((text) => text !== undefined).join('; '),
  ]);
  return `${tableOf([['placed at', 'by', 'order', 'kind', 'state', 'what', 'result'], ...rows]).join('\n')}\n`;
}

function whatText(order: Order): string {
  switch (order.kind) {
    case 'backfill':
      return `${spanText(order)}, ${order.unit ?? 'all units'}`;
    case 'replay':
      return `${spanText(order)}, ${order.stream} to ${order.sink}`;
    case 'retry':
      return lettersText(order);
    case 'drop':
      return `${lettersText(order)}: ${order.reason}`;
  }
}

function lettersText({ lane, seq }: { readonly lane: string; readonly seq?: number }): string {
  return `${seq === undefined ? 'all' : seq} of ${lane}`;
}
