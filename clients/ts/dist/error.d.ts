/** Why something was refused, or did not reach the server. */
export declare class AuthError extends Error {
    /** The server's stable code; "network" when its answer did not come or is not its own, "timeout" after 15 s. */
    readonly code: string;
    /** The HTTP status, of the contract where this package itself refuses; 0 when there was no answer. */
    readonly status: number;
    /** How many seconds the server asks to wait. */
    readonly retryAfter?: number | undefined;
    /** What is wrong with which member of the request. */
    readonly fields?: Record<string, string[]> | undefined;
    readonly name = "AuthError";
    constructor(
    /** The server's stable code; "network" when its answer did not come or is not its own, "timeout" after 15 s. */
    code: string, 
    /** The HTTP status, of the contract where this package itself refuses; 0 when there was no answer. */
    status: number, message?: string, 
    /** How many seconds the server asks to wait. */
    retryAfter?: number | undefined, 
    /** What is wrong with which member of the request. */
    fields?: Record<string, string[]> | undefined);
    /** Nothing was decided: the same request may succeed later. */
    get transient(): boolean;
}
