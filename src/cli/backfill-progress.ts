import progress from 'cli-progress';
import type { Order } from '../model/order.ts';
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

function createBar(out: TextOutput): ProgressView {
  const bar = new progress.SingleBar({
    stream: out,
    format: 'backfill [{bar}] {percentage}% | through {through} | {eta_formatted} left',
    barsize: 20,
    hideCursor: true,
    gracefulExit: false,
  });
  let started = false;
  return {
    show: (order) => {
      const value = Math.floor(progressShare(order) * STEPS);
      const payload = { through: throughText(order) };
      if (!started) bar.start(STEPS, value, payload);
      else bar.update(value, payload);
      started = true;
    },
    end: () => bar.stop(),
  };
}

function createLines(out: TextOutput, now: () => number): ProgressView {
  let lastShare = Number.NEGATIVE_INFINITY;
  let lastMs = 0;
  return {
    show: (order) => {
      const share = progressShare(order);
      const isDue =
        share >= lastShare + LINE_SHARE || (share === 1 && lastShare < 1) || now() >= lastMs + LINE_MS;
      if (!isDue) return;
      lastShare = share;
      lastMs = now();
      out.write(`backfill ${Math.floor(share * 100)} %, through ${throughText(order)}\n`);
    },
    end: () => undefined,
  };
}

/** Time through which every unit was read. */
function throughText({ fromMs, toMs, progress: units }: Order): string {
  const throughs = Object.values(units);
  const leastMs = throughs.length === 0 ? fromMs : Math.min(toMs, ...throughs);
  return new Date(leastMs).toISOString().slice(0, 19);
}
