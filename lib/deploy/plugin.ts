import path from 'node:path';
import { build } from 'esbuild';
import { LAMBDA_FUNCTIONS, lambdaBundle, platformSdkBundle } from './bundle.ts';
import { type CommandHost, type CommandOptions, createOperatorHooks, OPERATOR_COMMANDS } from './commands.ts';

/** What this plugin uses of the Serverless Framework. */
interface Serverless extends CommandHost {
  serviceDir: string;
  service: {
    functions: Record<string, { handler: string; package?: { individually?: boolean; patterns?: string[] } }>;
  };
}

const BUNDLES_FOLDER = '.build';

/** The Serverless Framework's plugin of this template: bundles the functions before they are packaged, and adds commands. */
export default class FeishuEventsPlugin {
  readonly commands = OPERATOR_COMMANDS;
  readonly hooks: Record<string, () => Promise<void>>;
  readonly #serverless: Serverless;

  constructor(serverless: Serverless, options: CommandOptions) {
    this.#serverless = serverless;
    this.hooks = {
      'before:package:createDeploymentArtifacts': () => this.#bundle(),
      'before:deploy:function:packageFunction': () => this.#bundle(),
      ...createOperatorHooks(serverless, options),
    };
  }

  async #bundle(): Promise<void> {
    const { serviceDir, service } = this.#serverless;
    const outdir = path.join(serviceDir, BUNDLES_FOLDER);
    await Promise.all([build(lambdaBundle(serviceDir, outdir)), build(platformSdkBundle(serviceDir, outdir))]);
    for (const name of LAMBDA_FUNCTIONS) {
      const definition = service.functions[name];
      if (definition === undefined) continue;
      definition.handler = `${BUNDLES_FOLDER}/${name}.handler`;
      const files = [`${name}.mjs`, `${name}.mjs.map`, ...(name === 'worker' ? ['node_modules/**'] : [])];
      const patterns = ['!**', ...files.map((file) => `${BUNDLES_FOLDER}/${file}`)];
      definition.package = { individually: true, patterns };
    }
  }
}
