/** The value that a share of the samples does not exceed (nearest rank): `quantile(samples, 0.99)`. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) {
    throw new Error('there are no samples');
  }
  return value;
}

/** The middle of the samples; of an even number, the mean of the two in the middle. */
export function median(samples: readonly number[]): number {
  const upper = -quantile(
    samples.map((sample) => -sample),
    0.5,
  );
  return (quantile(samples, 0.5) + upper) / 2;
}

/** The smallest and the largest sample. */
export function spread(samples: readonly number[]): readonly [number, number] {
  return [Math.min(...samples), Math.max(...samples)];
}
