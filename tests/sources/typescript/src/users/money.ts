/**
 * Sums of money.
 * @module
 */

/** Rounds to whole cents. */
export function round(value: number): number {
  return Math.round(value);
}

export function format(value: number): string {
  return `${round(value)} EUR`;
}
