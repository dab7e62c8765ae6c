import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { API, type Checker, SymbolFlags, type Type, type TypeReference } from 'typescript/unstable/sync';
import { sampleNumber, sampleText } from './sample-values.ts';

/** What the SDK's types add to each v2.0 event from its envelope. Where the field is required, it is the event's own. */
const OPTIONAL_ENVELOPE_FIELDS: ReadonlySet<string> = new Set(['app_id', 'create_time', 'tenant_key', 'type']);

/**
 * Writes the source of `generated.ts`: a payload with all its fields for each type of `lib/feishu/event-types.ts`.
 *
 * @param root the project's folder
 * @returns the same for the same types
 * @throws when a type is of a kind that no event has had yet
 */
export function generateSamples(root: string): string {
  const typesFile = path.join(root, 'lib/feishu/event-types.ts');
  const projectFile = path.join(root, 'tsconfig.samples.json');
  using api = openTypeScript(root, projectFile, typesFile);
  const [project] = api.updateSnapshot({ openProjects: [projectFile] }).getProjects();
  const source = project?.program.getSourceFile(typesFile);
  const typesModule = source && project?.checker.getSymbolAtLocation(source);
  if (project === undefined || typesModule === undefined) throw new Error(`${typesFile} is no module`);
  const { checker } = project;
  const samplesOf = (name: string, sample: SamplePayload) => {
    const payloads = checker.getMemberInModuleExports(typesModule, name);
    if (payloads === undefined) throw new Error(`${typesFile} exports no ${name}`);
    const types = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(payloads));
    const sorted = types.toSorted((one, other) => (one.name < other.name ? -1 : 1));
    return Object.fromEntries(
      sorted.map((symbol) => [symbol.name, sample(checker, checker.getTypeOfSymbol(symbol) as Type, symbol.name)]),
    );
  };
  return format(root, [
    '// Written by generate.ts. After the types have changed: npx vitest run test/samples/samples.test.ts --update',
    "import type { EventPayloads, EventPayloadsV1 } from '../feishu/event-types.ts';",
    declare('GENERATED', 'EventPayloads', samplesOf('EventPayloads', sampleVersion2)),
    declare('GENERATED_V1', 'EventPayloadsV1', samplesOf('EventPayloadsV1', sampleVersion1)),
  ]);
}

type SamplePayload = (checker: Checker, payload: Type, eventType: string) => object;

/** Opens the types alone: declarations elsewhere in the project are merged into them, and are not the template's. */
function openTypeScript(root: string, projectFile: string, typesFile: string) {
  const project = JSON.stringify({ extends: path.join(root, 'tsconfig.json'), include: [], files: [typesFile] });
  const api = new API({
    cwd: root,
    fs: {
      readFile: (name) => (name === projectFile ? project : undefined),
      fileExists: (name) => (name === projectFile ? true : undefined),
    },
  });
  return Object.assign(api, { [Symbol.dispose]: () => api.close() });
}

function declare(name: string, type: string, samples: object): string {
  return `export const ${name} = ${JSON.stringify(samples)} satisfies Partial<${type}>;`;
}

function format(root: string, statements: string[]): string {
  const biome = path.join(root, 'node_modules/@biomejs/biome/bin/biome');
  return execFileSync(process.execPath, [biome, 'format', '--stdin-file-path=generated.ts'], {
    cwd: root,
    input: statements.join('\n\n'),
    encoding: 'utf8',
  });
}

function sampleVersion2(checker: Checker, payload: Type): object {
  const isOwn = ({ name, flags }: Field) => (flags & SymbolFlags.Optional) === 0 || !OPTIONAL_ENVELOPE_FIELDS.has(name);
  return sampleObject(checker, payload, isOwn);
}

function sampleVersion1(checker: Checker, payload: Type, eventType: string): object {
  const sample = sampleObject(checker, payload);
  return 'type' in sample ? { ...sample, type: eventType } : sample;
}

type Field = ReturnType<Checker['getPropertiesOfType']>[number];

function sampleObject(checker: Checker, type: Type, includes: (field: Field) => boolean = () => true): object {
  const fields = checker.getPropertiesOfType(type).filter(includes);
  const entries = fields.map((field) => [
    field.name,
    sampleValue(checker, checker.getTypeOfSymbol(field) as Type, field.name),
  ]);
  const others = checker.getIndexInfosOfType(type);
  const otherEntries = others.map(({ valueType }) => ['key', sampleValue(checker, valueType, 'value')]);
  return Object.fromEntries([...entries, ...otherEntries]);
}

/** @param name the field's */
function sampleValue(checker: Checker, type: Type, name: string): unknown {
  if (type.isLiteralType()) return type.value;
  if (type.isUnionType()) return sampleValue(checker, firstOf(checker, type.getTypes()), name);
  if (checker.isArrayType(type) || checker.isTupleType(type)) {
    const elements = checker.getTypeArguments(type as TypeReference);
    return elements.map((element) => sampleValue(checker, element, name));
  }
  if (!type.isIntrinsicType()) return sampleObject(checker, type);
  switch (type.intrinsicName) {
    case 'string':
    case 'unknown':
    case 'any':
      return sampleText(name);
    case 'number':
      return sampleNumber(name);
    case 'boolean':
      return true;
    default:
      throw new Error(`No sample of a ${type.intrinsicName}, the type of ${name}`);
  }
}

/** The same one in whichever order the compiler has them; `undefined` or `null` only where there is nothing else. */
function firstOf(checker: Checker, types: readonly Type[]): Type {
  const rank = (type: Type) => {
    const name = checker.typeToString(type);
    return name === 'undefined' || name === 'null' ? `~${name}` : name;
  };
  return types.toSorted((one, other) => (rank(one) < rank(other) ? -1 : 1))[0] as Type;
}
