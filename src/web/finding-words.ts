export function iso(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

/** A reason from elsewhere as part of a sentence of ours. */
export function plain(reason: string): string {
  return reason.trim().replace(/[.\s]+$/, '');
}
