import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deliverBodies, type Reaction } from '../../src/sinks/deliver-bodies.ts';
import { type Piece, packBodies } from '../../src/sinks/pack-bodies.ts';
import { VerdictBuilder } from '../../src/sinks/verdict-builder.ts';
import { requestEntries } from './entries.ts';
import { placesOf } from './sink-harness.ts';

const pieces = (count: number): Piece[] =>
  Array.from({ length: count }, (_, n) => ({ seq: n + 1, bytes: 10 }));

async function deliver(
  count: number,
  perBody: number,
  attempt: (body: readonly Piece[]) => Promise<Reaction<Piece>>,
) {
  const verdict = new VerdictBuilder();
  const bodies = packBodies(pieces(count), { maxBytes: perBody * 10, maxPieces: 100_000 });
  const end = await deliverBodies({ bodies, attempt, maxInFlight: 3, verdict });
  const batch = requestEntries(count);
  const built = verdict.build(batch);
  placesOf(built, batch);
  return { end, verdict: built };
}

describe('delivery in bodies', () => {
  it('finds the refused pieces by halving, when something else gets through', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 39 }), async (poison) => {
        const { verdict } = await deliver(40, 40, async (body) =>
          body.some(({ seq }) => poison.includes(seq))
            ? { kind: 'unclear', reason: 'HTTP 400' }
            : { kind: 'delivered' },
        );
        // A body that is nearly all poison looks like a fault on the way: then nothing at all is given up.
        if (verdict.held) expect(verdict.rejected).toEqual([]);
        else expect(verdict.rejected.map(({ seq }) => seq)).toEqual([...poison].sort((a, b) => a - b));
      }),
    );
  });

  it('blames no piece when none gets through', async () => {
    let asked = 0;
    const { end, verdict } = await deliver(10_000, 10_000, async () => {
      asked += 1;
      return { kind: 'unclear', reason: 'HTTP 400' };
    });
    expect(end).toBe('stopped');
    expect(verdict.retry).toHaveLength(10_000);
    expect(verdict.held?.reason).toContain('HTTP 400');
    expect(asked).toBe(31);
  });

  it('starts no further body once one must be sent again', async () => {
    let asked = 0;
    const { verdict } = await deliver(100, 10, async () => {
      asked += 1;
      return { kind: 'retry', reason: 'busy', retryAfterMs: asked * 100 };
    });
    expect(asked).toBeLessThanOrEqual(3);
    expect(verdict).toMatchObject({ retryReason: 'busy', retryAfterMs: asked * 100 });
    expect(verdict.retry).toHaveLength(100);
  });

  it('waits for the bodies under way before it throws', async () => {
    let running = 0;
    const delivery = deliver(30, 10, async ([first]) => {
      running += 1;
      await Promise.resolve();
      running -= 1;
      if (first?.seq === 1) throw new Error('a bug');
      return { kind: 'delivered' };
    });
    await expect(delivery).rejects.toThrow('a bug');
    expect(running).toBe(0);
  });
});

describe('a verdict', () => {
  it('accepts an entry only when all its pieces are, and sends it again while any must be', () => {
    const verdict = new VerdictBuilder();
    verdict.accept(1);
    verdict.accept(1);
    verdict.accept(2);
    verdict.reject(2, 'bad');
    verdict.accept(3);
    verdict.reject(3, 'bad');
    verdict.retry(3);
    const built = verdict.build(requestEntries(4));
    expect(built).toMatchObject({
      accepted: [1],
      rejected: [{ seq: 2, reason: 'bad' }],
      retry: [3, 4],
      retryReason: 'not attempted',
    });
  });

  it('adds up what was refused without a name, each message once', () => {
    const verdict = new VerdictBuilder();
    verdict.rejectUnknown(2, 'old');
    verdict.rejectUnknown(3, 'old');
    verdict.rejectUnknown(1, 'NaN');
    expect(verdict.build([]).rejectedUnknown).toEqual({ count: 6, message: 'old; NaN' });
  });
});

describe('packing', () => {
  it('loses nothing, keeps the order and the limits', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 120 }), { maxLength: 60 });
    fc.assert(
      fc.property(sizes, (bytes) => {
        const all = bytes.map((size, seq) => ({ seq, bytes: size }));
        const bodies = packBodies(all, { maxBytes: 100, maxPieces: 7 });
        expect(bodies.flat()).toEqual(all);
        for (const body of bodies) {
          const total = body.reduce((sum, piece) => sum + piece.bytes, 0);
          expect(body.length).toBeLessThanOrEqual(7);
          expect(total <= 100 || body.length === 1).toBe(true);
        }
      }),
    );
  });
});
