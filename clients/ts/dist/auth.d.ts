import type { Auth, AuthOptions, User } from "./types.js";
export declare function createAuth<U = User>(options?: AuthOptions): Auth<U>;
