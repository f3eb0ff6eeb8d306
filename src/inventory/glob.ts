/**
 * True when `text` matches `pattern`: `*` is any run of characters, `?` any one, everything else itself. Walks both
 * once and goes back only to the last `*`, so a hostile pattern cannot make it explode as a regular expression would.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resumeAt = 0;
  let p = 0;
  while (at < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      resumeAt = at;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[at])) {
      p += 1;
      at += 1;
    } else if (star >= 0) {
      p = star + 1;
      at = ++resumeAt;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
