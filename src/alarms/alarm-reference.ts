const MARKER = ':alarm:';

/** The name behind an ARN, or the text itself. */
export function alarmNameOf(reference: string): string {
  const at = reference.indexOf(MARKER);
  return reference.startsWith('arn:') && at >= 0 ? reference.slice(at + MARKER.length) : reference;
}

/** The name of an alarm of this account and Region; an address elsewhere stays an address. */
export function nameWithin(
  scope: { readonly account: string; readonly region: string },
  reference: string,
): string {
  const here = `:cloudwatch:${scope.region}:${scope.account}${MARKER}`;
  return reference.startsWith('arn:') && reference.includes(here) ? alarmNameOf(reference) : reference;
}
