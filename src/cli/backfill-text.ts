import { formatDuration } from '../core/duration.ts';
import type { BackfillOrder } from '../model/order.ts';
import type { Window } from '../model/source-event.ts';
import type { BackfillForecast } from '../pipeline/backfill-forecast.ts';
import { oneLine } from '../telemetry/one-line.ts';

/** The forecast as a person reads it before saying yes. `complete` is false when a listing failed. */
export function forecastText(
  forecast: BackfillForecast,
  asked: { readonly span: Window; readonly pricePerThousand: number; readonly complete: boolean },
): string {
  const { span, pricePerThousand, complete } = asked;
  const { logGroups, series, billedMetrics, dollars, expectedMs } = forecast;
  const lines = [
    `Backfill ${spanText(span)}: ${logGroups} log groups, ${series} metric series`,
    '',
    ...tableOf([
      ['account', 'Region', 'operation', 'calls', 'quota/s', 'of quota'],
      ...forecast.operations.map((one) => [
        one.account,
        one.region,
        one.operation,
        `${one.calls}`,
        `${one.quotaPerSecond}`,
        `${(one.quotaShare * 100).toFixed(0)} %`,
      ]),
    ]),
    '',
    'log events         not known beforehand; each further 10,000 events or 1 MB of a slice is one more call',
    `metrics billed     ${billedMetrics}, ${dollarsText(dollars)} (at $${pricePerThousand} per 1,000, UNVERIFIED: compare it with your bill)`,
    `expected time      at least ${formatDuration(expectedMs)}`,
  ];
  if (forecast.coarsestPeriodS > 60) {
    lines.push(
      `metric points      older than 15 days CloudWatch keeps 5 minutes, older than 63 days 1 hour: read at up to ${forecast.coarsestPeriodS} s`,
    );
  }
  lines.push(
    'log lines          what a group’s own retention has deleted does not come back; that is no error',
  );
  if (!complete) lines.push('Some listings failed (said on standard error): this is a lower bound.');
  return `${lines.join('\n')}\n`;
}

/** The same for programs; times in milliseconds, shares from 0 to 1. `complete` is false when a listing failed. */
export function forecastJson(
  forecast: BackfillForecast,
  asked: { readonly order: BackfillOrder; readonly isBegun: boolean; readonly complete: boolean },
): string {
  const { order, isBegun, complete } = asked;
  const { fromMs, toMs, unit } = order;
  const said = { fromMs, toMs, unit, goesOn: isBegun, ...forecast, complete, pricesVerified: false };
  return `${JSON.stringify(said, null, 2)}\n`;
}

/** A price that rounds to nothing is not free. */
function dollarsText(dollars: number): string {
  return dollars > 0 && dollars < 0.01 ? 'less than $0.01' : `$${dollars.toFixed(2)}`;
}

export function spanText({ fromMs, toMs }: Window): string {
  return `${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}`;
}

/** Columns as wide as their widest cell. */
export function tableOf(table: readonly (readonly string[])[]): string[] {
  // Reasons quote what others said: none of it may break a line or paint the terminal.
  const rows = table.map((row) => row.map(oneLine));
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
