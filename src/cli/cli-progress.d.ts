/** The part of cli-progress 3 that is used here; the package brings no types. */
declare module 'cli-progress' {
  export interface BarOptions {
    readonly format?: string;
    readonly stream?: { write(text: string): unknown };
    readonly barsize?: number;
    readonly hideCursor?: boolean;
    readonly gracefulExit?: boolean;
  }

  export class SingleBar {
    constructor(options: BarOptions, preset?: unknown);
    start(total: number, value: number, payload?: Readonly<Record<string, string>>): void;
    update(value: number, payload?: Readonly<Record<string, string>>): void;
    stop(): void;
  }

  const progress: { readonly SingleBar: typeof SingleBar };
  export default progress;
}
