import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Plugin } from 'esbuild';

/** A service of the client, such as `im`, in the SDK's generated code. Its comment is empty. */
const SERVICE = /^ {8}\/\*\*\s+\*\/\n {8}this\.(\w+) = (\{\n[\s\S]*?^ {8}\});$/gm;
/** An import or a declaration at the top level of the SDK. */
const TOP_LEVEL =
  /^import (?<imported>[^'"]+) from |^(?:async )?(?:function\*?|class|const|let|var) (?<declared>[\w$]+)/gm;

/** The folder of the services, next to the SDK's file. */
const FOLDER = 'services';

/** As if the property had the service from the beginning. */
const HELPER = `
function createOnUse(client, name, create) {
  const define = (property) => Object.defineProperty(client, name, { configurable: true, enumerable: true, ...property });
  const set = (value) => define({ value, writable: true });
  define({ get: () => (set(create()), client[name]), set });
}
`;

/**
 * Moves each service of the official SDK's client into a file of its own, which the client loads when the service is first
 * used. The services are four fifths of the SDK, and loading them all takes tens of milliseconds. Creating them
 * takes more than half a millisecond and 320 KB, and every event that uses `feishu` has its own client.
 *
 * Needs `outfile`. If a version of the SDK is written differently, its code stays unchanged.
 */
export const servicesOnUse: Plugin = {
  name: 'services-on-use',
  setup(build) {
    const { outfile = '', minify = false, target } = build.initialOptions;
    const folder = path.join(path.dirname(outfile), FOLDER);
    build.onResolve({ filter: new RegExp(`^\\./${FOLDER}/\\w+\\.js$`) }, ({ path: file }) => ({
      path: file,
      external: true,
    }));
    build.onLoad(
      { filter: /[\\/]@larksuiteoapi[\\/]node-sdk[\\/](?:es|lib)[\\/]index\.js$/ },
      async ({ path: file }) => {
        const source = await readFile(file, 'utf8');
        const names = topLevelNames(source);
        await mkdir(folder, { recursive: true });
        await Promise.all(
          source.matchAll(SERVICE).map(async ([, name, service = '']) => {
            // Its functions use the `this` of the client.
            const contents = `module.exports = function ({ ${namesIn(service, names)} }) { return (${service}); };`;
            const { code } = await build.esbuild.transform(contents, {
              minify,
              platform: 'node',
              legalComments: 'none',
              ...(target && { target }),
            });
            await writeFile(path.join(folder, `${name}.js`), code);
          }),
        );
        const contents = source.replaceAll(
          SERVICE,
          (_, name, service) =>
            `createOnUse(this, '${name}', () => require('./${FOLDER}/${name}.js').call(this, { ${namesIn(service, names)} }));`,
        );
        return { contents: contents + HELPER };
      },
    );
  },
};

function topLevelNames(source: string): string[] {
  const declarations = [...source.matchAll(TOP_LEVEL)].map(
    ({ groups = {} }) => groups.imported ?? groups.declared ?? '',
  );
  const names = declarations.flatMap((text) => text.replaceAll(/[\w$]+ as /g, '').match(/[\w$]+/g) ?? []);
  // The classes that the client inherits its services from.
  return names.filter((name) => !name.startsWith('Client'));
}

/** Returns those of the names that a service uses and does not declare itself, as a list. */
function namesIn(service: string, names: readonly string[]): string {
  const code = service.replaceAll(/\/\*[\s\S]*?\*\//g, '');
  const used = new Set(code.match(/(?<![.\w$])[A-Za-z_$][\w$]*/g));
  const declared = new Set(
    [...code.matchAll(/\bconst (?:(\w+) =|\{([^}]*)\} =)/g)].flatMap(([text]) => text.match(/\w+/g) ?? []),
  );
  return names.filter((name) => used.has(name) && !declared.has(name)).join(', ');
}
