import { type Clock, createSystemClock } from '../../core/clock.ts';
import type { Runtime } from '../worker/runtime.ts';
import { type PlannedAlarm, planAndApply } from './demo-alarms.ts';
import { openRuntime, type Stage, say } from './demo-stage.ts';
import { drawLine, drawScreen, type ViewState } from './live-view.ts';
import { Tally } from './tally.ts';

/** Runs until it is stopped, and shows what it does. Returns the exit code. */
export async function demoLive(stage: Stage): Promise<number> {
  const { context, signal } = stage;
  const clock = createSystemClock();
  const tally = new Tally();
  const planned = await planAndApply(context, stage.alarms, stage.folder);
  const runtime = await openRuntime(stage, clock, tally, () => undefined);
  try {
    const running = runtime.worker.run(signal);
    await Promise.race([running, showLive(stage, runtime, { tally, planned }, clock)]);
    await running;
    return 0;
  } finally {
    await runtime.close();
    if (context.stdout.isTTY === true) context.stdout.write('\u001b[?25h\n');
  }
}

async function showLive(
  stage: Stage,
  runtime: Runtime,
  shown: { readonly tally: Tally; readonly planned: readonly PlannedAlarm[] },
  clock: Clock,
): Promise<void> {
  const { context, signal, url } = stage;
  const terminal = context.stdout.isTTY === true;
  if (terminal) context.stdout.write('\u001b[?25l\u001b[2J');
  while (!signal.aborted) {
    const pending = new Map((await runtime.journal.lanes()).map((lane) => [lane.lane, lane.pending ?? 0]));
    const state: ViewState = { nowMs: clock.now(), status: runtime.worker.status(), ...shown, pending, url };
    if (terminal)
      context.stdout.write(
        `\u001b[H${drawScreen(state)
          .map((line) => `${line}\u001b[K`)
          .join('\n')}\u001b[J`,
      );
    else say(context, drawLine(state));
    await clock.sleep(terminal ? 1_000 : 5_000, signal).catch(() => undefined);
  }
}
