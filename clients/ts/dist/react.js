// react.ts
import { useSyncExternalStore } from "react";
var unknown = { status: "unknown", user: null, stale: false };
function useAuth(auth) {
  return useSyncExternalStore(auth.subscribe, auth.getSnapshot, () => unknown);
}
export {
  useAuth
};
