export { createAuth } from "./auth.js";
export { AuthError } from "./error.js";
export type { Auth, AuthEvent, AuthOptions, IdpTokens, Session, Snapshot, Status, User } from "./types.js";
