// Which parts of a text the model wrote: sorted [start, end] pairs, one for each run.

/** The ranges after somebody changed `before` into `after` in one place. */
export function afterEdit(ranges, before, after) {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const oldEnd = before.length - tail;
  const shift = after.length - before.length;
  return ranges
    .flatMap(([start, end]) => [
      [start, Math.min(end, head)],
      [Math.max(start, oldEnd) + shift, end + shift],
    ])
    .filter(([start, end]) => start < end);
}

/** The text in pieces, each with whether the model wrote it. */
export function pieces(ranges, text) {
  const found = [];
  let at = 0;
  for (const [start, end] of ranges) {
    if (at < start) found.push({ text: text.slice(at, start), isTinted: false });
    found.push({ text: text.slice(start, end), isTinted: true });
    at = end;
  }
  if (at < text.length) found.push({ text: text.slice(at), isTinted: false });
  return found;
}
