const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof UNIT_MS;

/** Parses "1h30m", "45s" or "250ms" into milliseconds. */
export function parseDuration(text: string, options: { max?: number; allowZero?: boolean } = {}): number {
  const { max = Number.MAX_SAFE_INTEGER, allowZero = false } = options;
  const source = text.trim().toLowerCase();
  const part = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/y;

  let total = 0;
  let position = 0;
  const seen = new Set<Unit>();
  while (position < source.length) {
    part.lastIndex = position;
    const match = part.exec(source);
    if (match === null) {
      throw new SyntaxError(`unexpected "${source.slice(position)}" in duration "${text}"`);
    }
    const unit = match[2] as Unit;
    if (seen.has(unit)) {
      throw new SyntaxError(`unit "${unit}" appears twice in "${text}"`);
    }
    seen.add(unit);
    total += Number(match[1]) * UNIT_MS[unit];
    position = part.lastIndex;
  }

  if (seen.size === 0) {
    throw new SyntaxError("duration is empty");
  }
  if (total > max || (total === 0 && !allowZero)) {
    throw new RangeError(`duration "${text}" is out of range`);
  }
  return Math.round(total);
}
