import { rmSync, statSync } from 'node:fs';
import { open, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

const STEP_BYTES = 1024 * 1024;

/**
 * A file that only takes up room. On a full disk it is removed, which leaves acknowledgements the room they need: what
 * was delivered can be written down, nothing is delivered over and over.
 */
export class Reserve {
  readonly #path: string;
  readonly #bytes: number;

  constructor(path: string, bytes: number) {
    this.#path = path;
    this.#bytes = bytes;
  }

  /** True when there was something to release. Never throws: it is called when everything else has failed. */
  release(): boolean {
    try {
      if (statSync(this.#path, { throwIfNoEntry: false }) === undefined) return false;
      rmSync(this.#path);
      return true;
    } catch {
      return false;
    }
  }

  /** Puts the file there unless it is. False while the disk has less than twice its size left, or refuses. */
  async restore(): Promise<boolean> {
    if (statSync(this.#path, { throwIfNoEntry: false })?.size === this.#bytes) return true;
    const freeBytes = await freeBytesAt(this.#path);
    if (freeBytes !== undefined && freeBytes < 2 * this.#bytes) return false;
    try {
      await fill(this.#path, this.#bytes);
      return true;
    } catch {
      await rm(this.#path, { force: true });
      return false;
    }
  }
}

/** Bytes that the file system of a path has left for this user; `undefined` where it does not say. */
export async function freeBytesAt(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(dirname(path));
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** Real blocks, not a hole: a sparse file would reserve nothing. */
async function fill(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    const step = Buffer.alloc(Math.min(STEP_BYTES, bytes), 0x47);
    for (let written = 0; written < bytes; written += step.length) {
      await file.write(step, 0, Math.min(step.length, bytes - written));
    }
    await file.sync();
  } finally {
    await file.close();
  }
}
