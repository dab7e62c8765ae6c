import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { BuildResult, Plugin } from 'esbuild';

/**
 * esbuild's minified helper that evaluates a bundled module at its first import: `init` is the module's code, `result`
 * the promise of a module with a top-level `await`, and `failure` the error that the code threw.
 */
const EVALUATE =
  /\((?<init>[\w$]+),(?<result>[\w$]+),(?<failure>[\w$]+)\)=>\(\)=>\{if\(\k<failure>\)throw \k<failure>\[0\];try\{return \k<init>&&\(\k<result>=\k<init>\(\k<init>=0\)\),\k<result>\}catch\((?<error>[\w$]+)\)\{throw \k<failure>=\[\k<error>\],\k<error>\}\}/;

/** Restores `init` after a failure. Has the same length as the original, so that the source map stays correct. */
const EVALUATE_UNTIL_IT_SUCCEEDS =
  '($<init>,$<result>,$<failure>=$<init>)=>()=>{try{return $<init>&&($<result>=$<init>($<init>=0))?.catch(()=>$<init>=$<failure>),$<result>}catch($<error>){throw $<init>=$<failure>,$<error>}}';

/**
 * If a module failed to load, evaluates it again at its next import. esbuild, like ECMAScript, rethrows the first error
 * every time: a configuration server that is down for a second would fail every event of that type for the life of the
 * process. Without a bundle, Lambda would load the module at startup and replace the execution environment.
 */
export const evaluateFailedModulesAgain: Plugin = {
  name: 'failed-modules',
  setup(build) {
    const root = build.initialOptions.absWorkingDir ?? process.cwd();
    build.onEnd(async ({ metafile, outputFiles }: BuildResult) => {
      // With `write: false` there are no files to rewrite.
      if (metafile === undefined || outputFiles !== undefined) return;
      const files = Object.keys(metafile.outputs).filter((file) => file.endsWith('.mjs'));
      await Promise.all(files.map((file) => rewrite(path.join(root, file))));
    });
  },
};

async function rewrite(file: string): Promise<void> {
  const code = await readFile(file, 'utf8');
  const rewritten = code.replace(EVALUATE, EVALUATE_UNTIL_IT_SUCCEEDS);
  if (rewritten !== code) await writeFile(file, rewritten);
}
