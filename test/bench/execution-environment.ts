import { type Runtime, type RuntimeOptions, startRuntime } from '../deploy/artifacts/runtime.ts';
import { type CpuShare, createCpuShare } from './cpu-share.ts';
import { cpuShareOf } from './lambda-memory.ts';
import { now } from './services.ts';

/** A function that can be started. */
export interface Program {
  clientPath: string;
  taskRoot: string;
  handler: string;
}

/** One execution environment of a Lambda function, after its init phase. */
export interface ExecutionEnvironment extends Pick<Runtime, 'pid' | 'lines' | 'stop'> {
  readonly memoryMegabytes: number;
  /** From the start of the process until it waits for an invocation. */
  readonly initMilliseconds: number;
  /** The share of a CPU that Lambda gives to invocations. `undefined` if the machine does not allow it. */
  readonly cpuShare: CpuShare | undefined;
  /** Invokes the function, which must not fail. */
  invoke(event: unknown): Promise<Invocation>;
}

export interface Invocation {
  result: unknown;
  /** From the invocation to its result. */
  milliseconds: number;
}

const TIMEOUT_SECONDS = 60;

/**
 * Starts a function under AWS's runtime client and waits for the end of its init phase, which has a full CPU. From then
 * on, its process has the share of a CPU that Lambda gives to invocations, if the machine allows it.
 */
export async function startEnvironment(
  program: Program,
  memoryMegabytes: number,
  environment: RuntimeOptions['environment'],
): Promise<ExecutionEnvironment> {
  await using parts = new AsyncDisposableStack();
  const cpuShare = parts.use(await createCpuShare(cpuShareOf(memoryMegabytes)));
  const startedAt = now();
  const functionName = program.handler;
  const runtime = await startRuntime({
    ...program,
    functionName,
    memoryMegabytes,
    timeoutSeconds: TIMEOUT_SECONDS,
    environment,
  });
  parts.defer(() => runtime.stop());
  await runtime.initialized;
  const initMilliseconds = now() - startedAt;
  await cpuShare?.restrict(runtime.pid);
  const started = parts.move();
  return {
    pid: runtime.pid,
    lines: runtime.lines,
    memoryMegabytes,
    initMilliseconds,
    cpuShare,
    async invoke(event) {
      const invokedAt = now();
      const result = await runtime.invoke(event);
      return { result, milliseconds: now() - invokedAt };
    },
    stop: () => started.disposeAsync(),
  };
}
