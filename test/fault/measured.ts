/** Prints a figure that somebody may want to know; what must hold is asserted beside it. */
export function measured(sentence: string): void {
  console.log(`measured: ${sentence}`);
}

/** A duration as people read it. */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
