import { isBuiltin } from 'node:module';
import type { Plugin, PluginBuild } from 'esbuild';
import { PLATFORM_SDK } from './shared-platform-sdk.ts';

/** What the modules outside `lib/` import from packages other than the official SDK, such as `lodash/get`. */
export interface PackageImports {
  /** Must come before the plugins that use {@link PackageImports.find}. */
  plugin: Plugin;
  /** @returns the imports of the current build, sorted */
  find(): Promise<string[]>;
}

export function createPackageImports(): PackageImports {
  let found: Promise<string[]>;
  return {
    plugin: {
      name: 'package-imports',
      setup(build) {
        build.onStart(() => {
          found = findPackageImports(build);
        });
      },
    },
    find: () => found,
  };
}

async function findPackageImports({ esbuild, initialOptions }: PluginBuild): Promise<string[]> {
  const { plugins: _, ...options } = initialOptions;
  // What is wrong with the sources is reported by the build itself.
  const result = await esbuild
    .build({ ...options, packages: 'external', write: false, metafile: true, logLevel: 'silent' })
    .catch(() => undefined);
  const imported = Object.entries(result?.metafile.inputs ?? {})
    .filter(([file]) => !file.startsWith('lib/'))
    .flatMap(([, { imports }]) => imports.filter(({ external }) => external).map(({ path }) => path));
  return [...new Set(imported)].filter((name) => isPackage(name) && name !== PLATFORM_SDK).toSorted();
}

/** A bundle's imports also contain patterns, such as `./handlers/**`, and `<runtime>`. */
function isPackage(name: string): boolean {
  return /^[@\w]/.test(name) && !isBuiltin(name);
}
