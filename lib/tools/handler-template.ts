import { folderOfVersion } from '../handler-runtime/find-handler.ts';
import type { SampleType } from '../samples/samples.ts';

/** The folders of `functions/handlers` whose modules are named after types. */
type Folder = 'v2' | 'v1' | 'callbacks';

export interface NewHandler {
  folder: Folder;
  type: string;
  /** The SDK's types do not contain the type, so the module declares it. */
  isUndeclared?: boolean;
}

const FUNCTION_OF_FOLDER = { v2: 'onEvent', v1: 'onEventV1', callbacks: 'onCallback' } as const;
const PAYLOADS_OF_FOLDER = { v2: 'EventPayloads', v1: 'EventPayloadsV1', callbacks: 'CallbackPayloads' } as const;

export function folderOf({ version, isCallback }: Pick<SampleType, 'version' | 'isCallback'>): Folder {
  return isCallback ? 'callbacks' : folderOfVersion(version);
}

/** Returns the handler's path in the project, with forward slashes on every platform. */
export function handlerFile({ folder, type }: NewHandler): string {
  return `functions/handlers/${folder}/${type}.ts`;
}

/** Tests have their own folder, because the build treats every module in `functions/handlers` as a handler. */
export function handlerTestFile({ folder, type }: NewHandler): string {
  return `test/handlers/${folder}/${type}.test.ts`;
}

export function handlerSource({ folder, type, isUndeclared = false }: NewHandler): string {
  const definer = FUNCTION_OF_FOLDER[folder];
  const head = `import { ${definer} } from '#feishu-events';\n${isUndeclared ? declaration(folder, type) : ''}`;
  if (folder === 'callbacks') {
    return `${head}
export default ${definer}('${type}', async (callback, { log }) => {
  log.info('Received a callback', { fields: Object.keys(callback) });
  return {};
});
`;
  }
  return `${head}
export default ${definer}('${type}', async (event, { log }) => {
  log.info('Received an event', { fields: Object.keys(event) });
});
`;
}

function declaration(folder: Folder, type: string): string {
  const name = /^\w+$/.test(type) ? type : `'${type}'`;
  const interfaces = [PAYLOADS_OF_FOLDER[folder], ...(folder === 'callbacks' ? ['CallbackResponses'] : [])];
  const members = interfaces.map((of) => `  interface ${of} {\n    ${name}: Record<string, unknown>;\n  }\n`);
  return `
declare module '#feishu-events' {
${members.join('')}}
`;
}

export function handlerTestSource(handler: NewHandler): string {
  const { folder, type, isUndeclared = false } = handler;
  const payload = isUndeclared ? '{}' : `samplePayload('${type}')`;
  const samples = isUndeclared ? '' : "import { samplePayload } from '#feishu-events/samples';\n";
  const [verb, outcome] = folder === 'callbacks' ? ['responds to', 'answered'] : ['handles', 'handled'];
  return `import { expect, it } from 'vitest';
${samples}import { run } from '#feishu-events/testing';
import handler from '../../../${handlerFile(handler)}';

it('${verb} ${type}', async () => {
  const result = await run(handler, ${payload});
  expect(result.outcome).toBe('${outcome}');
});
`;
}
