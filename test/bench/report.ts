export interface SuiteOptions {
  isQuick: boolean;
}

/** Measures something. It takes its time: nothing else should run on the machine. */
export type Suite = (options: SuiteOptions) => Promise<Report>;

export interface Report {
  columns: string[];
  rows: { name: string; cells: string[] }[];
  /** What a reader must know to judge the figures. */
  notes: string[];
  /** What the rows were made from. */
  samples: unknown;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}
