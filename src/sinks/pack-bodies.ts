/** A piece of one journal entry, encoded. `bytes` as it counts against the body limit, uncompressed. */
export interface Piece {
  readonly seq: number;
  readonly bytes: number;
}

export interface BodyLimits {
  readonly maxBytes: number;
  readonly maxPieces: number;
}

/**
 * Splits pieces into bodies in order, each within the limits. A piece larger than `maxBytes` gets a body of its own:
 * whether it is too large is for the destination to say.
 */
export function packBodies<P extends Piece>(
  pieces: readonly P[],
  limits: BodyLimits,
): readonly (readonly P[])[] {
  const bodies: P[][] = [];
  let body: P[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    if (body.length > 0 && (bytes + piece.bytes > limits.maxBytes || body.length >= limits.maxPieces)) {
      bodies.push(body);
      body = [];
      bytes = 0;
    }
    body.push(piece);
    bytes += piece.bytes;
  }
  if (body.length > 0) bodies.push(body);
  return bodies;
}

/** The two halves of a body of at least two pieces. */
export function halve<P>(pieces: readonly P[]): readonly (readonly P[])[] {
  const middle = Math.ceil(pieces.length / 2);
  return [pieces.slice(0, middle), pieces.slice(middle)];
}
