import { isBuiltin } from 'node:module';
import type { Plugin, PluginBuild } from 'esbuild';
import { PLATFORM_SDK } from './shared-platform-sdk.ts';

/** The modules of a bundle, and what they import from packages. */
export interface PackageImports {
  /** Must come before the plugins that use {@link PackageImports.find}. */
  plugin: Plugin;
  /** @returns those of the current build */
  find(): Promise<FoundImports>;
}

interface FoundImports {
  /** What the modules outside `lib/` import from packages other than the official SDK, such as `lodash/get`, sorted. */
  packages: string[];
  /** Whether a module outside `lib/` imports the official SDK. */
  usesSdk: boolean;
  /** The modules outside packages, relative to the project's folder. */
  sources: string[];
}

export function createPackageImports(): PackageImports {
  let found: Promise<FoundImports>;
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

async function findPackageImports({ esbuild, initialOptions }: PluginBuild): Promise<FoundImports> {
  const { plugins: _, ...options } = initialOptions;
  // What is wrong with the sources is reported by the build itself.
  const result = await esbuild
    .build({ ...options, packages: 'external', write: false, metafile: true, logLevel: 'silent' })
    .catch(() => undefined);
  const inputs = result?.metafile.inputs ?? {};
  const imported = Object.entries(inputs)
    .filter(([file]) => !file.startsWith('lib/'))
    .flatMap(([, { imports }]) => imports.filter(({ external }) => external).map(({ path }) => path));
  return {
    packages: [...new Set(imported)].filter((name) => isPackage(name) && name !== PLATFORM_SDK).toSorted(),
    usesSdk: imported.includes(PLATFORM_SDK),
    sources: Object.keys(inputs),
  };
}

/** A bundle's imports also contain patterns, such as `./handlers/**`, and `<runtime>`. */
function isPackage(name: string): boolean {
  return /^[@\w]/.test(name) && !isBuiltin(name);
}
