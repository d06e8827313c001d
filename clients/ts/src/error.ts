// The one error that this package throws.

/** Why something was refused, or did not reach the server. */
export class AuthError extends Error {
  override readonly name = "AuthError";

  constructor(
    /** The server's stable code; "network" when its answer did not come or is not its own, "timeout" after 15 s. */
    readonly code: string,
    /** The HTTP status, of the contract where this package itself refuses; 0 when there was no answer. */
    readonly status: number,
    message = code,
    /** How many seconds the server asks to wait. */
    readonly retryAfter?: number,
    /** What is wrong with which member of the request. */
    readonly fields?: Record<string, string[]>,
  ) {
    super(message);
  }

  /** Nothing was decided: the same request may succeed later. */
  get transient(): boolean {
    // A "good" answer that is not the server's own is a portal's or a proxy's page.
    return /^[^4]|408|429/.test(this.status as unknown as string);
  }
}
