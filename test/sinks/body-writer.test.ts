import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyBuffers } from '../../src/sinks/body-buffers.ts';
import { BodyWriter, bytesOf, totalBytes } from '../../src/sinks/body-writer.ts';

const MAX_BYTES = 100;
const HEAD_BYTES = 8;

function writerOf(texts: readonly string[], buffers = new BodyBuffers(MAX_BYTES + HEAD_BYTES)): BodyWriter {
  const writer = new BodyWriter({
    maxBytes: MAX_BYTES,
    maxPieces: 7,
    headBytes: HEAD_BYTES,
    encoding: 'utf8',
    buffers,
  });
  texts.forEach((text, seq) => {
    writer.add(seq, 0, text);
  });
  return writer;
}

describe('bodies', () => {
  it('lose nothing, keep the order and the limits', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 })), (texts) => {
        const { bodies } = writerOf(texts);
        const well = texts.map((text) => text.toWellFormed());
        expect(bodies.map((body) => bytesOf(body).toString()).join('')).toBe(well.join(''));
        expect(bodies.flat().map(({ seq }) => seq)).toEqual(texts.map((_, seq) => seq));
        for (const body of bodies) {
          expect(body.length).toBeLessThanOrEqual(7);
          expect(totalBytes(body) <= MAX_BYTES || body.length === 1).toBe(true);
        }
      }),
    );
  });

  it('are filled to the last byte', () => {
    const { bodies } = writerOf(['é'.repeat(25), 'x'.repeat(49), 'y', 'z']);
    expect(bodies.map((body) => totalBytes(body))).toEqual([100, 1]);
  });

  it('give one that is larger than a body its own', () => {
    const { bodies } = writerOf(['a', 'b'.repeat(500), 'c']);
    expect(bodies.map((body) => body.map(({ bytes }) => bytes))).toEqual([[1], [500], [1]]);
  });

  it('are sent from where they stand, with their head before them', () => {
    const { bodies } = writerOf(['one', 'two', 'three']);
    const [body = []] = bodies;
    const bytes = bytesOf(body, Buffer.from('head:'), HEAD_BYTES);
    expect(bytes.toString()).toBe('head:onetwothree');
    expect(bytes.buffer).toBe(body[0]?.buffer.buffer);
  });

  it('that were taken apart keep their other pieces whole', () => {
    const [body = []] = writerOf(['one', 'two', 'three', 'four']).bodies;
    const [one, two, three, four] = body;
    if (!one || !two || !three || !four) throw new Error('four pieces were written');
    const head = Buffer.from('head:');
    expect(bytesOf([three, four], head, HEAD_BYTES).toString()).toBe('head:threefour');
    expect(bytesOf([one, four], head, HEAD_BYTES).toString()).toBe('head:onefour');
    expect(bytesOf([two, three]).toString()).toBe('twothree');
    expect(bytesOf(body, head, HEAD_BYTES).toString()).toBe('head:onetwothreefour');
  });

  it('are written into the same buffers again once they are released', () => {
    const buffers = new BodyBuffers(MAX_BYTES + HEAD_BYTES);
    const first = writerOf(['one'], buffers);
    const used = first.bodies[0]?.[0]?.buffer;
    expect(writerOf(['two'], buffers).bodies[0]?.[0]?.buffer).not.toBe(used);
    first.release();
    expect(writerOf(['three'], buffers).bodies[0]?.[0]?.buffer).toBe(used);
  });
});
