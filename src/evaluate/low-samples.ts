/** `p99`, `p99.9`: the percentile, 0 < p < 100. Undefined for any other statistic (`Average`, `tm90`, `PR(:250)`). */
export function percentileOf(statistic: string): number | undefined {
  const match = /^p(\d{1,2}(?:\.\d{1,10})?)$/.exec(statistic);
  if (match?.[1] === undefined) return undefined;
  const percent = Number(match[1]);
  return percent > 0 ? percent : undefined;
}

/**
 * Samples a percentile needs before CloudWatch calls it statistically significant: 10 / (1 − p) from the median up,
 * 10 / p below it. Source: user guide, "Percentile-based alarms and low data samples".
 */
export function samplesNeeded(percent: number): number {
  const tail = percent >= 50 ? 100 - percent : percent;
  // Rounded first: 100 - 99.9 is 0.0999… in binary, and 10 001 samples would be one too many.
  return Math.ceil(Number((1_000 / tail).toFixed(6)));
}
