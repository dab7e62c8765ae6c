import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readExtensions } from '../../lib/build/extensions.ts';
import { readDocuments } from '../documents/document.ts';
import { PROJECT_ROOT } from '../support/project.ts';

const EMPTY = {
  params: {},
  secrets: [],
  environment: {},
  iamStatements: [],
  callbacks: { feishu: false, secrets: [], environment: {}, iamStatements: [] },
  approvals: { secrets: [], environment: {}, iamStatements: [] },
  vpc: undefined,
  tags: {},
  functions: {},
  packages: [],
};

describe('readExtensions', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'feishu-events-extensions-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  const read = async (content: string) => {
    await writeFile(path.join(root, 'extensions.yml'), content);
    return readExtensions(root);
  };

  it('reads the file that the template ships', async () => {
    expect(await readExtensions(PROJECT_ROOT)).toEqual(EMPTY);
  });

  it('reads functions, and accepts variables and CloudFormation tags', async () => {
    const text = `functions:\n  daily:\n    role: !GetAtt Role.Arn\n    timeout: \${param:timeout}\n`;
    expect(await read(text)).toMatchObject({ functions: { daily: { role: `\${!GetAtt Role.Arn}` } } });
  });

  it.each(['', '# Empty\n', 'functions:\nresources:\n'])('accepts empty sections: %j', async (text) => {
    expect(await read(text)).toEqual(EMPTY);
  });

  it('reads the names of packages', async () => {
    expect(await read('packages: [sharp, "@img/sharp"]\n')).toMatchObject({ packages: ['sharp', '@img/sharp'] });
  });

  it('reads the packages of the example in docs/handlers.md', async () => {
    const document = readDocuments().find(({ name }) => name === 'docs/handlers.md');
    const [example] = document?.codeBlocks.filter(({ lang }) => lang === 'yaml') ?? [];
    expect(await read(example?.text ?? '')).toMatchObject({ packages: ['pino-pretty'] });
  });

  it.each(['packages: sharp\n', 'packages: { sharp: 1.0.0 }\n'])(
    'rejects packages that are not a list: %j',
    async (text) => {
      await expect(read(text)).rejects.toThrow('`packages` in extensions.yml must be a list of package names');
    },
  );

  it.each(['sharp@1.0.0', '../sharp', '@img/sharp/lib', ''])('rejects the package name %j', async (name) => {
    const expected = `contains ${JSON.stringify(name)}, which is not the name of a package`;
    await expect(read(`packages: [pino, ${JSON.stringify(name)}]\n`)).rejects.toThrow(expected);
  });

  it('rejects a file that is not YAML with the line', async () => {
    await expect(read('functions:\n  daily: [\n')).rejects.toThrow(/^extensions.yml is not valid YAML: .* at line 3/);
  });

  it('rejects a list', async () => {
    await expect(read('- functions\n')).rejects.toThrow('extensions.yml must contain sections.');
  });

  it('rejects an unknown section, which would have no effect', async () => {
    await expect(read('function: {}\n')).rejects.toThrow(
      'extensions.yml has the unknown section `function`. It can contain: params, secrets, environment, iamStatements, callbacks, approvals, vpc, tags, functions, resources, packages.',
    );
  });

  it.each(['AWS_REGION', 'FEISHU_APP_SECRET', 'QUEUE_URL', 'LARGE_EVENTS_BUCKET', 'LIMIT_CALL_RATE', 'LOG_LEVEL'])(
    'rejects the reserved name %s as a secret and as a variable',
    async (name) => {
      const message = `contains ${name}, which is reserved: Lambda or the template sets it. Use another name.`;
      await expect(read(`secrets: [${name}]\n`)).rejects.toThrow(`\`secrets\` in extensions.yml ${message}`);
      await expect(read(`environment: { ${name}: x }\n`)).rejects.toThrow(
        `\`environment\` in extensions.yml ${message}`,
      );
    },
  );

  it("accepts the app's credentials only for callback handlers", async () => {
    const { callbacks } = await read('callbacks: { secrets: [FEISHU_APP_ID, FEISHU_APP_SECRET] }\n');
    expect(callbacks.secrets).toEqual(['FEISHU_APP_ID', 'FEISHU_APP_SECRET']);
    await expect(read('callbacks: { secrets: [FEISHU_ENCRYPT_KEY] }\n')).rejects.toThrow('reserved');
  });

  it("gives callback handlers the app's credentials together with the client", async () => {
    const { callbacks } = await read('callbacks: { feishu: true, secrets: [OPENAI_API_KEY, FEISHU_APP_ID] }\n');
    expect(callbacks).toMatchObject({
      feishu: true,
      secrets: ['OPENAI_API_KEY', 'FEISHU_APP_ID', 'FEISHU_APP_SECRET'],
    });
    expect(await read('callbacks: { feishu: false }\n')).toEqual(EMPTY);
  });

  it.each([
    ['secrets: OPENAI_API_KEY\n', '`secrets` in extensions.yml must be a list.'],
    ['secrets: [{ OPENAI_API_KEY: x }]\n', 'contains {"OPENAI_API_KEY":"x"}. Use names of environment variables'],
    ['secrets: [open-ai]\n', 'contains "open-ai". Use names of environment variables'],
    ['environment: [MODEL]\n', '`environment` in extensions.yml must contain lines of the form `name: value`.'],
    [
      'secrets: [MODEL]\nenvironment: { MODEL: x }\n',
      'MODEL is in both `secrets` and `environment` in extensions.yml.',
    ],
    ['callbacks: { uuid: true }\n', '`callbacks` in extensions.yml has the unknown setting `uuid`.'],
    ['callbacks: { feishu: yes please }\n', '`callbacks.feishu` in extensions.yml must be true or false.'],
    [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the framework's syntax for variables
      'callbacks: { feishu: "${param:client}" }\n',
      '`callbacks.feishu` in extensions.yml must be true or false. The bundles depend on it, so it cannot be a variable.',
    ],
    ['iamStatements: {}\n', '`iamStatements` in extensions.yml must be a list.'],
    ['params: { workerTimeout: 300 }\n', '`params.workerTimeout` in extensions.yml must contain lines'],
  ])('rejects %j', async (text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });
});
