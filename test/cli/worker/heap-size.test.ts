import { beforeEach, expect, it } from 'vitest';
import { MemorySaver } from '../../../src/cli/worker/heap-size.ts';

const MIB = 1_024 * 1_024;

const told: boolean[] = [];
let saver: MemorySaver;
beforeEach(() => {
  saver = new MemorySaver((isSaving) => told.push(isSaving));
});

/** What V8 is told while resident memory is that, MiB, look by look. */
function after(...resident: readonly number[]): boolean[] {
  for (const mib of resident) saver.look(mib * MIB);
  return told.splice(0);
}

it('memory is saved from 255 MiB on, and until it is below 235, and V8 told of each change alone', () => {
  expect(after(100, 236, 255)).toEqual([]);
  expect(after(256, 290, 254, 236)).toEqual([true]);
  expect(after(234, 100, 255)).toEqual([false]);
  expect(after(256)).toEqual([true]);
});

it('memory that saving does not bring down is let alone for four fifths of the time', () => {
  const much = (looks: number) => after(...Array.from({ length: looks }, () => 400));
  expect(much(10)).toEqual([true]);
  expect(much(41)).toEqual([false]);
  expect(much(1)).toEqual([true]);
  expect(much(9)).toEqual([]);
  expect(much(1)).toEqual([false]);
});
