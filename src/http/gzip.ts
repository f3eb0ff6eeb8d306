import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

const gzipAsync = promisify(gzip);
const gunzipAsync = promisify(gunzip);

/** Level 1 costs a third of the default level and loses a tenth of the saving on JSON of this kind. */
export const DEFAULT_GZIP_LEVEL = 1;

/** Room for the whole result of a usual body: with zlib's 16 kB it would come back to us ten times. */
const CHUNK_BYTES = 384 * 1_024;

/** Compresses on the thread pool, never on the event loop. `level` 1 (fast) to 9 (small). */
export function compress(body: Uint8Array | string, level = DEFAULT_GZIP_LEVEL): Promise<Buffer> {
  return gzipAsync(body, { level, chunkSize: CHUNK_BYTES });
}

/**
 * Unpacks at most `maxBytes`: a few kilobytes of gzip may hold gigabytes of zeroes. `too_large` when there would be
 * more, `not_gzip` when it is none or was cut off.
 */
export async function uncompress(
  packed: Uint8Array,
  maxBytes: number,
): Promise<Buffer | 'too_large' | 'not_gzip'> {
  try {
    return await gunzipAsync(packed, { maxOutputLength: maxBytes });
  } catch (error) {
    return error instanceof RangeError ? 'too_large' : 'not_gzip';
  }
}
