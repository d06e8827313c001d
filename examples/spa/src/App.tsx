import { useAuth } from "@sallyport/client/react";
import { auth } from "./auth";
import { Devices } from "./Devices";
import { SignIn } from "./SignIn";

export function App() {
  const { status, user, stale } = useAuth(auth);
  if (status === "unknown") return <p role="status">{stale ? "The server is out of reach. Trying again …" : "One moment …"}</p>;
  if (status === "signed-out") return <SignIn />;
  return (
    <main>
      <h1>Hello, {user?.username}</h1>
      {stale && <p role="status">Offline. You are still signed in.</p>}
      <Devices />
      <button onClick={() => void auth.signOut()}>Sign out</button>{" "}
      <button onClick={() => void auth.signOut({ scope: "all" })}>Sign out everywhere</button>
    </main>
  );
}
