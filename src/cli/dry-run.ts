import { UserError } from '../core/errors.ts';

/** What a command does is told line by line while it works: only what it would do is one JSON document. */
export function refuseJsonOfWork(options: { readonly json?: true; readonly dryRun?: true }): void {
  if (options.json === undefined || options.dryRun === true) return;
  throw new UserError(
    'bad_option',
    'Expected --dry-run beside --json, got --json alone: add it, or leave --json out; `gatewatch orders --json` tells of the work itself.',
  );
}
