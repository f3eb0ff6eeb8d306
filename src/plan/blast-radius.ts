import { UserError } from '../core/errors.ts';
import type { Change } from './plan-changes.ts';

const MOST_DELETES = 10;
const MOST_SHARE = 0.2;

/**
 * A selector that suddenly matches nothing looks like a wish to delete everything. More than ten alarms, or more than a
 * fifth of the workspace, go only with the number said aloud.
 *
 * @throws {UserError} `too_many_deletes`
 */
export function guardDeletes(settings: {
  readonly changes: readonly Change[];
  /** Resources of the workspace that exist now. */
  readonly owned: number;
  /** `--allow-deletes=N`. */
  readonly allowed?: number;
}): void {
  const deletes = settings.changes.filter((change) => change.verb === 'delete').length;
  if (deletes === 0 || deletes <= (settings.allowed ?? 0)) return;
  const share = settings.owned === 0 ? 1 : deletes / settings.owned;
  if (deletes <= MOST_DELETES && share <= MOST_SHARE) return;
  throw new UserError(
    'too_many_deletes',
    `Expected at most ${MOST_DELETES} deletes and at most ${MOST_SHARE * 100} % of the workspace, got ${deletes} of ` +
      `${settings.owned} (${Math.round(share * 100)} %). Look at the plan: if all of them are meant, run again with ` +
      `--allow-deletes=${deletes}`,
  );
}
