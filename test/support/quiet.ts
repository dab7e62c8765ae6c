import { beforeEach, vi } from 'vitest';

// The functions write their lines past the console, where vitest would not keep them to itself.
beforeEach(() => {
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});
