import type { Profiler } from 'node:inspector';
import { expect, test } from 'vitest';
import { summarizeProfile } from './profile-summary.ts';

/** A call stack, outermost first, and the microseconds that its last function was sampled. */
interface Sampled {
  stack: string[];
  microseconds: number;
}

function profileOf(...sampled: Sampled[]): Profiler.Profile {
  const node = (id: number, url: string) => {
    const isPseudo = url.startsWith('(');
    const callFrame = {
      functionName: isPseudo ? url : 'f',
      scriptId: '',
      url: isPseudo ? '' : url,
      lineNumber: 0,
      columnNumber: 0,
    };
    return { id, callFrame, children: [] as number[] };
  };
  const nodes = [node(1, '(root)')];
  const samples: number[] = [];
  for (const { stack } of sampled) {
    let parent = nodes[0];
    for (const url of stack) {
      const child = node(nodes.length + 1, url);
      nodes.push(child);
      parent?.children.push(child.id);
      parent = child;
    }
    samples.push(nodes.length);
  }
  const timeDeltas = [0, ...sampled.map(({ microseconds }) => microseconds)];
  return { nodes, startTime: 0, endTime: 0, samples, timeDeltas };
}

const summarize = (...sampled: Sampled[]) => [...summarizeProfile(profileOf(...sampled), ({ url }) => url)];

test('a function counts for its own purpose, not for that of its caller', () => {
  const stack = ['lib/worker/worker.ts', 'node_modules/@smithy/core/index.js'];
  expect(summarize({ stack, microseconds: 10 })).toEqual([['AWS SDK', 1]]);
});

test('a function of Node counts for the code that called it', () => {
  const stack = ['lib/feishu/signature.ts', 'node:internal/crypto/hash'];
  expect(summarize({ stack, microseconds: 10 })).toEqual([['signature, decryption, envelope', 1]]);
});

test('the purposes are sorted by their shares of the time that the process was not idle', () => {
  expect(
    summarize(
      { stack: ['node:internal/timers'], microseconds: 10 },
      { stack: ['(idle)'], microseconds: 1000 },
      { stack: ['node:net'], microseconds: 20 },
      { stack: ['lib/worker/worker.ts', '(garbage collector)'], microseconds: 30 },
      { stack: ['node_modules/@aws-lambda-powertools/metrics/lib/esm/Metrics.js'], microseconds: 40 },
    ),
  ).toEqual([
    ['metrics', 0.4],
    ['garbage collection', 0.3],
    ['Node: HTTP and TLS', 0.2],
    ['Node: rest', 0.1],
  ]);
});
