import progress from 'cli-progress';
import { formatDuration } from '../core/duration.ts';
import type { BackfillOrder, Order } from '../model/order.ts';
import { progressShare } from '../pipeline/backfill-plan.ts';
import type { TextOutput } from './context.ts';

/** Shows how far an order has come. */
export interface ProgressView {
  show(order: Order): void;
  end(): void;
}

const STEPS = 1_000;
/** A piped log gets a line for each tenth, and a word of life in between. */
const LINE_SHARE = 0.1;
const LINE_MS = 30_000;

/** A bar on a terminal, plain lines elsewhere. */
export function createProgressView(out: TextOutput, now: () => number): ProgressView {
  return out.isTTY === true ? createBar(out) : createLines(out, now);
}

/** The part of an order that is done, 0 to 1. */
export function orderShare(order: Order): number {
  if (order.kind === 'backfill') return progressShare(order);
  const { rows = 0, done = 0 } = order.progress;
  if (order.state === 'done') return 1;
  return rows === 0 ? 0 : Math.min(1, done / rows);
}

/** How far an order is, in its own words. */
export function placeText(order: Order): string {
  if (order.kind === 'backfill') return `through ${throughText(order)}`;
  const { rows = 0, done = 0 } = order.progress;
  return `${done} of ${rows} rows`;
}

function createBar(out: TextOutput): ProgressView {
  const bar = new progress.SingleBar({
    stream: out,
    format: '{kind} [{bar}] {percentage}% | {place} | {eta_formatted} left',
    barsize: 20,
    hideCursor: true,
    gracefulExit: false,
  });
  let started = false;
  return {
    show: (order) => {
      const value = Math.floor(orderShare(order) * STEPS);
      const payload = { kind: order.kind, place: placeText(order) };
      if (!started) bar.start(STEPS, value, payload);
      else bar.update(value, payload);
      started = true;
    },
    end: () => bar.stop(),
  };
}

function createLines(out: TextOutput, now: () => number): ProgressView {
  let first: { readonly share: number; readonly atMs: number } | undefined;
  let lastShare = Number.NEGATIVE_INFINITY;
  let lastMs = 0;
  return {
    show: (order) => {
      const share = orderShare(order);
      first ??= { share, atMs: now() };
      const isDue =
        share >= lastShare + LINE_SHARE || (share === 1 && lastShare < 1) || now() >= lastMs + LINE_MS;
      if (!isDue) return;
      lastShare = share;
      lastMs = now();
      const left = leftText(share, share - first.share, now() - first.atMs);
      out.write(`${order.kind} ${Math.floor(share * 100)} %, ${placeText(order)}${left}\n`);
    },
    end: () => undefined,
  };
}

/** The time left at the pace since the view began; nothing while there is no pace to tell. */
function leftText(share: number, gained: number, tookMs: number): string {
  if (gained <= 0 || tookMs < 1_000 || share >= 1) return '';
  const leftMs = (tookMs / gained) * (1 - share);
  return `, about ${formatDuration(Math.max(1_000, Math.round(leftMs / 1_000) * 1_000))} left`;
}

/** Time through which every unit was read. */
function throughText({ fromMs, toMs, progress: units }: BackfillOrder): string {
  const throughs = Object.values(units);
  const leastMs = throughs.length === 0 ? fromMs : Math.min(toMs, ...throughs);
  return new Date(leastMs).toISOString().slice(0, 19);
}
