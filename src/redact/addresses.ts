import { type Span, skipMarkers } from './span.ts';

const LOCAL_PART = /[A-Za-z0-9.!#$*+'^_~\u0080-\uffff-]/;
const DOMAIN = /[A-Za-z0-9\u0080-\uffff](?:[A-Za-z0-9\u0080-\uffff.-]*[A-Za-z0-9\u0080-\uffff])?/y;
const TOP_LEVEL = /\.[A-Za-z\u0080-\uffff][A-Za-z0-9\u0080-\uffff-]+$/;

/** The user part of an address, up to here; its `@` belongs to the address. */
const IN_USER_INFO = /:\/\/[^\s/?#"'<>@]*$/;
const LONGEST_USER_INFO = 256;

/** E-mail addresses: something before an `@` and a domain with a dot behind it. A package or image version is none. */
export function findEmails(text: string, found: Span[]): void {
  let behind = 0;
  let at = text.indexOf('@');
  while (at !== -1) {
    let start = at;
    while (start > behind && LOCAL_PART.test(text.charAt(start - 1))) start -= 1;
    DOMAIN.lastIndex = at + 1;
    const domain = DOMAIN.exec(text)?.[0];
    const looksRight = start < at && domain !== undefined && TOP_LEVEL.test(domain);
    if (looksRight && !IN_USER_INFO.test(text.slice(Math.max(behind, start - LONGEST_USER_INFO), start))) {
      found.push({ rule: 'email', start, end: at + 1 + domain.length });
    }
    behind = at + 1;
    at = text.indexOf('@', behind);
  }
}

const USER_INFO_END = /[\s/?#"'<>@]/g;

/** Credentials inside an address: `https://user:password@host`. The host stays. */
export function findUrlCredentials(text: string, found: Span[]): void {
  let scheme = text.indexOf('://');
  while (scheme !== -1) {
    const start = scheme + 3;
    USER_INFO_END.lastIndex = start;
    const stop = USER_INFO_END.exec(text);
    const end = stop?.index ?? text.length;
    if (stop?.[0] === '@' && end > start && skipMarkers(text, start) !== end) {
      found.push({ rule: 'url_credentials', start, end });
    }
    scheme = text.indexOf('://', start);
  }
}
