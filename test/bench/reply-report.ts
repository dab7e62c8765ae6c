import { cpuShareOf, DOLLARS_PER_GIGABYTE_SECOND, durationCostOfMillion } from './lambda-memory.ts';
import { type Comparison, median, quantile, type Report, reportComparisons } from './report.ts';

export const SIDES = ['ours', 'queue', 'inline'] as const;
export type Side = (typeof SIDES)[number];
export const NAMES: Record<Side, string> = {
  ours: 'this template',
  queue: 'official SDK behind a queue',
  inline: 'official SDK in one function',
};

/** One message and its reply, in milliseconds. */
export interface Reply {
  /** From the start of the webhook, or from its invocation if it is warm, until the reply reaches the platform. */
  toReply: number;
  /** The duration of each invocation, until the function's response. */
  invocations: number[];
}

/** The replies with one memory size. */
export interface Samples {
  memoryMegabytes: number;
  cold: Record<Side, Reply[]>;
  warm: Record<Side, Reply[]>;
  /** The functions that needed more memory than they would have on Lambda. */
  beyondMemory: string[];
}

export interface Conditions {
  /** Whether invocations had Lambda's share of a CPU. */
  isRestricted: boolean;
  awsLatencyMilliseconds: number;
  platformLatencyMilliseconds: number;
}

/** The targets of the ratios apply to this memory. */
const TARGET_MEGABYTES = 512;
const TARGETS = { cold: { queue: 0.55, inline: 1.3 }, warm: { queue: 1.5, inline: undefined } };

/** @param samples for several memory sizes; on a full CPU, the memory makes no difference */
export function reportReplies(samples: Samples[], conditions: Conditions): Report {
  const { isRestricted, awsLatencyMilliseconds, platformLatencyMilliseconds } = conditions;
  const count = (start: 'cold' | 'warm') => samples[0]?.[start].ours.length;
  const beyond = samples.flatMap(({ memoryMegabytes, beyondMemory }) =>
    beyondMemory.map((name) => `${name} with ${memoryMegabytes} MB`),
  );
  const notes = [
    isRestricted
      ? 'Message to reply: init has a full vCPU. Invocations have the share that Lambda gives for the memory size.'
      : 'Message to reply, **on a full vCPU**: no control group could be created in /sys/fs/cgroup, which needs Linux and root. These figures do not show what a reply takes on Lambda.',
    `Medians and quartiles of ${count('cold')} cold starts and ${count('warm')} warm events on each side, alternating, under aws-lambda-ric. A call to SQS or DynamoDB takes ${awsLatencyMilliseconds} ms, one to the platform ${platformLatencyMilliseconds} ms. Connections open without delay, which favors the alternatives. The worker is invoked as soon as SQS has stored the message.`,
    "The alternatives use the official SDK, bundled with esbuild's defaults. They have no idempotency, metrics or time limits.",
    ...tabulate('Cold: from the start of the webhook to the reply, in ms', samples, (one) => timesOf(one.cold)),
    ...tabulate('Warm: from the event to the reply, in ms', samples, (one) => timesOf(one.warm)),
    ...tabulate('Warm: time of the functions, in US dollars per million events', samples, costsOf),
    `The cost is ${DOLLARS_PER_GIGABYTE_SECOND} per GB-second (arm64, us-east-1) for the duration of the invocations, each rounded up to a millisecond, with one event per batch. Requests cost the same with every memory size.`,
    ...(beyond.length > 0 ? [`These would not have had enough memory: ${beyond.join(', ')}.`] : []),
  ];
  // The targets apply to Lambda's share of a CPU.
  const targeted = samples.filter(({ memoryMegabytes }) => isRestricted && memoryMegabytes === TARGET_MEGABYTES);
  return reportComparisons(targeted.flatMap(compareWithTargets), notes, samples);
}

function compareWithTargets({ memoryMegabytes, ...samples }: Samples): Comparison[] {
  return (['cold', 'warm'] as const).flatMap((start) =>
    (['queue', 'inline'] as const).map((side) => {
      const times = timesOf(samples[start]);
      const target = TARGETS[start][side];
      return {
        measure: `message to reply, ${start}, ${memoryMegabytes} MB`,
        unit: 'ms',
        ours: median(times.ours),
        alternative: { name: NAMES[side], value: median(times[side]) },
        ratioQuartiles: ratioQuartiles(times.ours, times[side]),
        ...(target !== undefined && { target }),
      };
    }),
  );
}

type Values = Record<Side, number[]>;

function timesOf(replies: Record<Side, Reply[]>): Values {
  return mapSides((side) => replies[side].map(({ toReply }) => toReply));
}

function costsOf({ memoryMegabytes, warm }: Samples): Values {
  return mapSides((side) => warm[side].map(({ invocations }) => durationCostOfMillion(memoryMegabytes, invocations)));
}

function mapSides(read: (side: Side) => number[]): Values {
  return { ours: read('ours'), queue: read('queue'), inline: read('inline') };
}

/** Returns a title and a Markdown table with a row per memory size: median, quartiles and ratio to each alternative. */
function tabulate(title: string, samples: Samples[], read: (samples: Samples) => Values): [string, string] {
  const columns = [NAMES.ours, NAMES.queue, 'ratio', NAMES.inline, 'ratio'];
  const rows = samples.map((one) => {
    const values = read(one);
    const { ours, queue, inline } = values;
    const cells = [
      writeSpread(ours, digitsOf(ours)),
      writeSpread(queue, digitsOf(queue)),
      writeRatio(ours, queue),
      writeSpread(inline, digitsOf(inline)),
      writeRatio(ours, inline),
    ];
    const share = `${(cpuShareOf(one.memoryMegabytes) * 100).toFixed(0)}%`;
    return `| ${one.memoryMegabytes} MB, ${share} | ${cells.join(' | ')} |`;
  });
  return [
    `**${title}**`,
    [`| | ${columns.join(' | ')} |`, `|---|${'---|'.repeat(columns.length)}`, ...rows].join('\n'),
  ];
}

function writeSpread(values: number[], digits: number): string {
  const [middle, lower, upper] = [0.5, 0.25, 0.75].map((share) => quantile(values, share).toFixed(digits));
  return `${middle} (${lower}–${upper})`;
}

function writeRatio(ours: number[], theirs: number[]): string {
  return (median(ours) / median(theirs)).toFixed(2);
}

/** Enough for three significant digits of the median. */
function digitsOf(values: number[]): number {
  const middle = median(values);
  return middle >= 100 ? 0 : middle >= 10 ? 1 : 2;
}

/** Of the ratios between values of the same round. */
function ratioQuartiles(ours: number[], theirs: number[]): [number, number] {
  const ratios = ours.map((value, round) => value / (theirs[round] ?? Number.NaN));
  return [quantile(ratios, 0.25), quantile(ratios, 0.75)];
}
