/** Where a command prints. `process.stdout` and `process.stderr` fit. */
export interface TextOutput {
  write(text: string): unknown;
  /** True on a terminal; absent or false when piped. */
  readonly isTTY?: boolean;
  /** Width and height of the terminal, in characters. */
  readonly columns?: number;
  readonly rows?: number;
}

/**
 * All that a command may touch of the outside, so that a test can run any command in its own process. `start.ts` makes
 * the real one.
 */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute path that relative paths on the command line start from. */
  readonly cwd: string;
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Reads a UTF-8 file whole. Throws when it cannot. The path is absolute. */
  readFile(path: string): string;
  fileExists(path: string): boolean;
  /** Writes a UTF-8 file, and the folders above it where they are missing. Throws when it exists already, unless `replace`. */
  writeFile(path: string, text: string, options: { readonly mode: number; readonly replace: boolean }): void;
  /** Magic number of the file system at `path` or at its nearest existing folder; `undefined` where unknown. */
  fileSystemType(path: string): number | undefined;
  /** Random bytes fit for keys. */
  randomBytes(count: number): Uint8Array;
  /** Sets what the process exits with once it is done; the last call counts. */
  setExitCode(code: number): void;
}
