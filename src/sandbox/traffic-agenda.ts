/** What is to happen later, in order of time; what was added first comes first among equals. */
export interface Agenda {
  add(atMs: number, run: (atMs: number) => void): void;
  /** Time of the next entry; infinite when there is none. */
  nextMs(): number;
  runNext(): void;
}

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly run: (atMs: number) => void;
}

/** A binary heap: thousands of open connections each keep one entry here. */
export function createAgenda(): Agenda {
  const heap: Entry[] = [];
  let order = 0;
  return {
    add: (atMs, run) => {
      heap.push({ atMs, order: order++, run });
      siftUp(heap);
    },
    nextMs: () => heap[0]?.atMs ?? Number.POSITIVE_INFINITY,
    runNext: () => {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined) return;
      if (heap.length > 0) {
        heap[0] = last;
        siftDown(heap);
      }
      first.run(first.atMs);
    },
  };
}

function isBefore(a: Entry | undefined, b: Entry | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function swap(heap: Entry[], i: number, j: number): void {
  const a = heap[i];
  const b = heap[j];
  if (a === undefined || b === undefined) return;
  heap[i] = b;
  heap[j] = a;
}

function siftUp(heap: Entry[]): void {
  let at = heap.length - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBefore(heap[at], heap[parent])) return;
    swap(heap, at, parent);
    at = parent;
  }
}

function siftDown(heap: Entry[]): void {
  let at = 0;
  for (;;) {
    const left = at * 2 + 1;
    const smaller = isBefore(heap[left + 1], heap[left]) ? left + 1 : left;
    if (!isBefore(heap[smaller], heap[at])) return;
    swap(heap, at, smaller);
    at = smaller;
  }
}
