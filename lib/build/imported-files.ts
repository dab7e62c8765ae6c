/** The esbuild loaders of the files other than code that modules can import. `lib/imported-files.d.ts` declares them. */
export const IMPORTED_FILE_LOADERS = { '.md': 'text', '.txt': 'text', '.wasm': 'binary' } as const;
