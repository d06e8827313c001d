import type { Auth, Snapshot } from "./index.js";
/** The snapshot of auth; the component renders again when it changes. Make auth once, outside of components. */
export declare function useAuth<U>(auth: Auth<U>): Snapshot<U>;
