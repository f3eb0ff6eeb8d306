import { createInterface } from 'node:readline/promises';

/** A yes-or-no question on the terminal, no being the default; false at once where there is none. */
export async function askAtTerminal(question: string): Promise<boolean> {
  if (process.stdin.isTTY !== true) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}
