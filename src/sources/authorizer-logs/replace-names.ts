import type { ClearParty, Party } from '../customer-map.ts';

/**
 * Puts the pseudonym for each clear name that the line itself told, wherever it stands as a word of its own, so that
 * the kept text of a line does not undo what its fields hide.
 */
export function replaceNames(text: string, clear: ClearParty, party: Party): string {
  const { principal = '', customer = '' } = clear;
  const withPrincipal = (line: string) => replaceName(line, principal, party.principal);
  const withCustomer = (line: string) => replaceName(line, customer, party.customer);
  // The longer one first: the other may be a part of it.
  return principal.length >= customer.length
    ? withCustomer(withPrincipal(text))
    : withPrincipal(withCustomer(text));
}

function replaceName(text: string, name: string, pseudonym: string | undefined): string {
  return name === '' || pseudonym === undefined || name === pseudonym
    ? text
    : replaceWord(text, name, pseudonym);
}

function replaceWord(text: string, word: string, by: string): string {
  let result = '';
  let from = 0;
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
    const isPartOfWord = isWordCode(text.charCodeAt(at - 1)) || isWordCode(text.charCodeAt(at + word.length));
    if (isPartOfWord) continue;
    result += text.slice(from, at) + by;
    from = at + word.length;
  }
  return from === 0 ? text : result + text.slice(from);
}

/** Letters, digits and underscore. `NaN` (beyond the ends) is none. */
function isWordCode(code: number): boolean {
  return (
    (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95
  );
}
