/** The scopes of one container: its own, and those of the endpoints in it. */

import type { Container, Handlers } from "../client/api.ts";
import type { EventName, EventRouter, EventScope, LinkEvents } from "../client/events.ts";
import type { AmqpError } from "../errors.ts";
import { Calls } from "./calls.ts";
import { isThenable } from "./event-call.ts";
import { LinkScope } from "./link-scope.ts";
import { Scope } from "./scope.ts";

export class Router extends Calls implements EventRouter {
  root: Scope | undefined;

  constructor(container: Container, handlers: Handlers | undefined, onError: (error: AmqpError) => void) {
    super(container, onError);
    this.root = handlers === undefined ? undefined : new Scope(this, listOf(handlers), undefined);
  }

  add(handler: object): () => void {
    this.root ??= new Scope(this, [], undefined);
    return this.root.add(handler);
  }

  scope(own: Handlers | undefined, parent: EventScope | undefined): EventScope | undefined {
    return own === undefined ? parent : new Scope(this, listOf(own), parent);
  }

  link(own: Handlers | undefined, parent: EventScope | undefined): LinkEvents | undefined {
    return own === undefined && parent === undefined ? undefined : new LinkScope(this, listOf(own ?? []), parent);
  }

  inject(name: string, payload: unknown): void {
    // The name is the program's own.
    this.root?.emit(`on_${name}` as EventName, { payload });
  }

  call(what: string, task: () => unknown): void {
    try {
      const result = task();
      if (isThenable(result)) void this.track(result.then(() => undefined, (error: unknown) => this.thrown(what, error)));
    } catch (error) {
      this.thrown(what, error);
    }
  }
}

function listOf(handlers: Handlers): readonly object[] {
  return Array.isArray(handlers) ? handlers as readonly object[] : [handlers];
}
