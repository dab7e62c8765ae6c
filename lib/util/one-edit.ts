/** Whether two texts differ by one character that is added, missing or replaced, or by two adjacent ones swapped. */
export function isOneEditApart(one: string, other: string): boolean {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  if (short === long) return false;
  let start = 0;
  while (start < short.length && short[start] === long[start]) start += 1;
  const rest = long.slice(start + 1);
  const isSwapped = long[start] === short[start + 1] && long[start + 1] === short[start];
  return (
    rest === short.slice(start) ||
    rest === short.slice(start + 1) ||
    (isSwapped && long.slice(start + 2) === short.slice(start + 2))
  );
}
