import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { ROOT, run } from '../tools.ts';

/** A packaged function. */
export interface PackagedFunction {
  name: string;
  handler: string;
  memoryMegabytes: number;
  timeoutSeconds: number;
  /** May contain the template's intrinsic functions: see {@link resolveEnvironment}. */
  environment: Record<string, unknown>;
  /** The folder of the unzipped artifact. */
  taskRoot: string;
}

/**
 * Runs `npx serverless package` and unzips the artifacts.
 *
 * @param outdir an empty folder
 * @param root the project's folder
 */
export async function packageFunctions(
  outdir: string,
  environment: Record<string, string>,
  root = ROOT,
): Promise<Record<'webhook' | 'worker', PackagedFunction>> {
  await run('npx', ['serverless', 'package', '--package', outdir], {
    cwd: root,
    env: { ...process.env, ...environment },
  });
  const file = path.join(outdir, 'cloudformation-template-update-stack.json');
  const { Resources } = JSON.parse(await readFile(file, 'utf8'));
  const read = async (name: string, logicalId: string): Promise<PackagedFunction> => {
    const { Properties } = Resources[logicalId];
    const taskRoot = path.join(outdir, name);
    await mkdir(taskRoot);
    await run('python3', ['-m', 'zipfile', '-e', path.join(outdir, `${name}.zip`), taskRoot]);
    return {
      name,
      handler: Properties.Handler,
      memoryMegabytes: Properties.MemorySize,
      timeoutSeconds: Properties.Timeout,
      environment: Properties.Environment.Variables,
      taskRoot,
    };
  };
  return {
    webhook: await read('webhook', 'WebhookLambdaFunction'),
    worker: await read('worker', 'WorkerLambdaFunction'),
  };
}

const SECRET_REFERENCE = /^\{\{resolve:secretsmanager:.+:SecretString:(\w+)(?::[^:]*){0,2}\}\}$/;

/**
 * Resolves a function's environment as CloudFormation does.
 *
 * @param resources the physical id of each resource, by logical id
 * @param secrets the values of the stage's secret
 * @throws {Error} if a value uses an unsupported intrinsic function
 */
export function resolveEnvironment(
  environment: Record<string, unknown>,
  resources: Record<string, string>,
  secrets: Record<string, string>,
): Record<string, string> {
  const physicalIdOf = (id: string): string => {
    const value = resources[id];
    if (value === undefined) throw new Error(`Unknown resource ${id}`);
    return value;
  };
  const resolve = (value: unknown): string => {
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    if (typeof value === 'string') {
      const [, name] = SECRET_REFERENCE.exec(value) ?? [];
      return name === undefined ? value : (secrets[name] ?? '');
    }
    const [[kind, argument] = []] = Object.entries(value as object);
    if (kind === 'Ref') return physicalIdOf(argument);
    if (kind === 'Fn::Sub' && typeof argument === 'string') {
      return resolve(argument.replaceAll(/\$\{([^}]+)\}/g, (_, id) => physicalIdOf(id)));
    }
    if (kind === 'Fn::Join') return resolve(argument[1].map(resolve).join(argument[0]));
    throw new Error(`Cannot resolve ${JSON.stringify(value)}`);
  };
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, resolve(value)]));
}
