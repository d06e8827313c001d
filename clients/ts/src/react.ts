// The session as a React hook.
import { useSyncExternalStore } from "react";
import type { Auth, Snapshot } from "./index.js";

// What a server renders, and the first render in the browser with it: nobody is known yet.
const unknown: Snapshot<never> = { status: "unknown", user: null, stale: false };

/** The snapshot of auth; the component renders again when it changes. Make auth once, outside of components. */
export function useAuth<U>(auth: Auth<U>): Snapshot<U> {
  return useSyncExternalStore(auth.subscribe, auth.getSnapshot, () => unknown);
}
