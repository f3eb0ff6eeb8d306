import type { CliContext } from '../../src/cli/context.ts';

/** What a command printed, and what the process would exit with. */
export interface Printed {
  out: string;
  err: string;
  code: number;
}

export function nothingPrinted(): Printed {
  return { out: '', err: '', code: 0 };
}

/** A context whose command prints into `printed`, finds no file and writes none, but for what the test gives it. */
export function contextFor(printed: Printed, given: Partial<CliContext> = {}): CliContext {
  return {
    env: {},
    cwd: '/etc/gatewatch',
    stdout: { write: (text) => (printed.out += text) },
    stderr: { write: (text) => (printed.err += text) },
    now: () => 0,
    ...filesFrom(new Map()),
    writeFile: (path) => {
      throw new Error(`Expected nothing to be written, got ${path}`);
    },
    fileSystemType: () => undefined,
    randomBytes: (count) => new Uint8Array(count),
    setExitCode: (code) => {
      printed.code = code;
    },
    ...given,
  };
}

/** Files by absolute path; any other is missing. */
export function filesFrom(files: ReadonlyMap<string, string>): Pick<CliContext, 'fileExists' | 'readFile'> {
  return {
    fileExists: (path) => files.has(path),
    readFile: (path) => {
      const text = files.get(path);
      if (text === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
      return text;
    },
  };
}
