import { readFileSync } from 'node:fs';
import type { Profiler, Runtime } from 'node:inspector';
import { SourceMap } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a function's code is for, by the source file that it is from. The first match applies. */
const PURPOSES: [pattern: RegExp, purpose: string][] = [
  [/powertools[\\/]metrics|embedded-metrics/, 'metrics'],
  [/powertools|lib[\\/]observability|access-log|telemetry/, 'log line'],
  [/larksuiteoapi|axios/, 'official SDK'],
  [/@aws-sdk|@smithy|aws-request-handler|lambda-invoke-store/, 'AWS SDK'],
  [/lib[\\/]feishu/, 'signature, decryption, envelope'],
  [/lib[\\/]store/, 'idempotency record'],
  [/functions[\\/]handlers/, 'handler'],
  [/lib[\\/]|functions[\\/]/, 'rest of the template'],
];
const NETWORK =
  /^node:(?:_?http|_?tls|net|internal\/(?:http|net|stream_base_commons|streams|tls|dgram|js_stream_socket))|^node:(?:_stream|stream)/;

/** Returns the source file of a function. */
export type FindSource = (frame: Runtime.CallFrame) => string;

/**
 * Attributes the time of a profile to purposes. A function of Node counts for the code that called it, if that is on the
 * stack.
 *
 * @returns shares of the time that the process was not idle, the largest first
 */
export function summarizeProfile(profile: Profiler.Profile, findSource: FindSource): Map<string, number> {
  const { nodes, samples = [], timeDeltas = [] } = profile;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const purposeOf = (id: number): string | undefined => {
    const leaf = byId.get(id)?.callFrame;
    if (leaf === undefined || leaf.functionName === '(idle)') return undefined;
    if (leaf.functionName === '(garbage collector)') return 'garbage collection';
    const sources: string[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const frame = byId.get(at)?.callFrame;
      if (frame !== undefined) sources.push(findSource(frame));
    }
    for (const source of sources) {
      const [, purpose] = PURPOSES.find(([pattern]) => pattern.test(source)) ?? [];
      if (purpose !== undefined) return purpose;
    }
    return sources.some((source) => NETWORK.test(source)) ? 'Node: HTTP and TLS' : 'Node: rest';
  };
  const times = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const purpose = purposeOf(id);
    // The time from this sample to the next one.
    if (purpose !== undefined) times.set(purpose, (times.get(purpose) ?? 0) + (timeDeltas[index + 1] ?? 0));
  }
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  const shares = [...times].map(([purpose, time]) => [purpose, time / total] as const);
  return new Map(shares.toSorted(([, a], [, b]) => b - a));
}

/** Creates a function that finds the source files of bundles by their source maps, next to them. */
export function readSourceMaps(): FindSource {
  const maps = new Map<string, SourceMap | undefined>();
  const readMap = (url: string) => {
    if (!maps.has(url)) maps.set(url, readSourceMap(fileURLToPath(url)));
    return maps.get(url);
  };
  return ({ url, lineNumber, columnNumber }) => {
    if (!url.startsWith('file:')) return url;
    const entry = readMap(url)?.findEntry(lineNumber, columnNumber);
    return entry !== undefined && 'originalSource' in entry ? entry.originalSource : url;
  };
}

/** @returns `undefined` if the file has no source map, such as the official SDK's */
function readSourceMap(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${path.resolve(file)}.map`, 'utf8')));
  } catch {
    return undefined;
  }
}
