/** Up to so many items, moving them one by one takes a fraction of what `sort` does, and leaves no garbage. */
const FEW = 16;

/** Sorts a list in place, as `sort` would: items that compare equal keep their order. Made for lists of a handful. */
export function sortFew<T>(items: T[], compare: (a: T, b: T) => number): T[] {
  if (items.length > FEW) return items.sort(compare);
  for (let next = 1; next < items.length; next += 1) insertInto(items, next, compare);
  return items;
}

/** Moves one item forward to its place among those before it, which are sorted. */
function insertInto<T>(items: T[], at: number, compare: (a: T, b: T) => number): void {
  const item = items[at];
  if (item === undefined) return;
  let place = at;
  for (let before = items[place - 1]; place > 0 && before !== undefined; before = items[place - 1]) {
    if (compare(before, item) <= 0) break;
    items[place] = before;
    place -= 1;
  }
  items[place] = item;
}

/** In the order of their UTF-16 units, as `sort` has it. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
