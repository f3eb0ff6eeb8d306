import { type ChildProcess, fork } from 'node:child_process';
import type { LiveOrder, ServerTold, ServerWord } from './messages.ts';

/** The stand-in's process: one question at a time. */
export class ServerProcess {
  readonly #child: ChildProcess = fork(new URL('./live-server.ts', import.meta.url));

  start(order: LiveOrder): Promise<ServerTold> {
    return this.#ask(order);
  }

  ask(word: ServerWord): Promise<ServerTold> {
    return this.#ask(word);
  }

  kill(): void {
    this.#child.kill();
  }

  #ask(message: LiveOrder | ServerWord): Promise<ServerTold> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null) => reject(new Error(`The stand-in ended with ${code}`));
      this.#child.once('exit', onExit);
      this.#child.once('message', (told: ServerTold) => {
        this.#child.off('exit', onExit);
        resolve(told);
      });
      this.#child.send(message);
    });
  }
}
