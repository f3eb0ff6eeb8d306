import { setFlagsFromString } from 'node:v8';

/** The old generation is collected once it has grown by this much over what was alive. V8 waits for up to 300 %. */
const OLD_GROWTH_PERCENT = 60;
/** Resident memory above which V8 gives pages back until it is below `EASE_BYTES`: well within 300 MB. */
const SAVE_BYTES = 255 * 1_024 * 1_024;
const EASE_BYTES = 235 * 1_024 * 1_024;
const LOOK_MS = 200;
/** Saving that has not helped by then does not help: so much is alive. It is tried again after a rest. */
const LONGEST_LOOKS = 10;
const REST_LOOKS = 40;

/**
 * Trades processor time for memory, because a worker runs beside other things: V8 sizes its heap by the memory of the
 * machine, several times what is alive. Measured: a third less memory for less than a tenth more processor time. The
 * bound of the young generation, `--max-semi-space-size`, V8 reads at its start only: whoever starts a worker gives it.
 */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${OLD_GROWTH_PERCENT}`);
  // Young objects are collected often and little at a time: helpers cost more in waiting for each other than they save.
  setFlagsFromString('--no-parallel-scavenge');
  const saver = new MemorySaver((isSaving) =>
    setFlagsFromString(isSaving ? '--optimize-for-size' : '--no-optimize-for-size'),
  );
  setInterval(() => saver.look(process.memoryUsage.rss()), LOOK_MS).unref();
}

/**
 * V8 keeps the pages it has emptied for what may come: resident memory stays at the most there ever was. Told to save, it
 * gives them back with each collection, and collects more often, for a fifth more processor time; so it is told so for
 * the moments in which memory is near its bound, and for a fifth of the time where that brings it down no more.
 */
export class MemorySaver {
  readonly #save: (isSaving: boolean) => void;
  #isSaving = false;
  /** Looks since it began to save, or that it still rests. */
  #looks = 0;

  /** `save`: told of each change. */
  constructor(save: (isSaving: boolean) => void) {
    this.#save = save;
  }

  look(residentBytes: number): void {
    if (this.#isSaving) {
      this.#looks += 1;
      const isInVain = this.#looks >= LONGEST_LOOKS;
      if (isInVain || residentBytes < EASE_BYTES) this.#change(false, isInVain ? REST_LOOKS : 0);
    } else if (this.#looks > 0) this.#looks -= 1;
    else if (residentBytes > SAVE_BYTES) this.#change(true, 0);
  }

  #change(isSaving: boolean, looks: number): void {
    this.#isSaving = isSaving;
    this.#looks = looks;
    this.#save(isSaving);
  }
}
