import { IncompleteReadError } from '../core/errors.ts';

/** The SDK types every member as optional. One that a listing cannot do without makes that listing incomplete. */
export function required(value: string | undefined, member: string, of: string): string {
  if (value !== undefined && value !== '') return value;
  throw new IncompleteReadError(
    `Expected \`${member}\` in ${of} that AWS listed, got none; the listing is read again`,
  );
}
