import { type Clock, createSystemClock } from '../../core/clock.ts';
import type { Runtime } from '../worker/runtime.ts';
import { DemoAlarms } from './demo-alarms.ts';
import { openRuntime, type Stage, say } from './demo-stage.ts';
import { drawLine, drawScreen, type ViewState } from './live-view.ts';
import { Tally } from './tally.ts';

/** Runs until it is stopped, and shows what it does. Returns the exit code. */
export async function demoLive(stage: Stage): Promise<number> {
  const { context, signal } = stage;
  const clock = createSystemClock();
  const tally = new Tally();
  const alarms = new DemoAlarms(stage.alarms, stage.folder);
  const areApplied = await alarms.begin(context);
  const runtime = await openRuntime(stage, clock, tally, () => undefined);
  try {
    const applying = areApplied ? Promise.resolve() : applyBeside(stage, alarms, clock);
    const running = runtime.worker.run(signal);
    const working = Promise.all([running, applying]);
    await Promise.race([working, showLive(stage, runtime, { tally, alarms }, clock)]);
    await working;
    return 0;
  } finally {
    await runtime.close();
    if (context.stdout.isTTY === true) context.stdout.write('\u001b[?25h\n');
  }
}

/** Refused calls hold the alarms back, nothing else: the view says why, and it is tried again until it goes through. */
async function applyBeside({ context, signal }: Stage, alarms: DemoAlarms, clock: Clock): Promise<void> {
  say(context, `\nRefused: ${alarms.refusal}\nThe alarms are tried again while the demo runs.`);
  const silent = { write: () => undefined };
  const stdout = context.stdout.isTTY === true ? silent : context.stdout;
  await alarms.goOn({ ...context, stdout }, clock, Number.POSITIVE_INFINITY).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

async function showLive(
  stage: Stage,
  runtime: Runtime,
  { tally, alarms }: { readonly tally: Tally; readonly alarms: DemoAlarms },
  clock: Clock,
): Promise<void> {
  const { context, signal, url } = stage;
  const terminal = context.stdout.isTTY === true;
  if (terminal) context.stdout.write('\u001b[?25l\u001b[2J');
  while (!signal.aborted) {
    const pending = new Map((await runtime.journal.lanes()).map((lane) => [lane.lane, lane.pending ?? 0]));
    const { planned, refusal } = alarms;
    const state: ViewState = {
      ...{ nowMs: clock.now(), status: runtime.worker.status(), tally, planned, pending, url },
      ...(refusal !== undefined && { alarmsRefused: refusal }),
    };
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
