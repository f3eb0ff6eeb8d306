/**
 * Which form an `Accept` header asks for. Text only when it is named and JSON is not named with more weight: a probe that
 * takes anything gets what programs read.
 */
export function preferredForm(accept: string | undefined): 'json' | 'text' {
  const text = weightOf('text/plain', accept ?? '');
  return text > 0 && text >= weightOf('application/json', accept ?? '') ? 'text' : 'json';
}

/** Weight of a media type as named in the header, 0 to 1; 0 when it is not named. */
function weightOf(type: string, accept: string): number {
  for (const entry of accept.toLowerCase().split(',')) {
    const [name, ...parameters] = entry.split(';').map((part) => part.trim());
    if (name !== type) continue;
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    const value = weight === undefined ? 1 : Number(weight.slice(2));
    return value >= 0 && value <= 1 ? value : 0;
  }
  return 0;
}
