import { AuthError } from "@sallyport/client";
import { useEffect, useState, type FormEvent } from "react";
import { auth } from "./auth";

// A login at the provider that went wrong comes back with a code (docs/providers.md).
const refused = new URLSearchParams(location.search).get("sallyport_error");
if (refused) history.replaceState(null, "", location.pathname);
let told = false;

const messages: Record<string, string> = {
  invalid_credentials: "Username or password is wrong.",
  rate_limited: "Too many attempts. Wait a little.",
  idp_denied: "You turned the sign-in down.",
  network: "The server cannot be reached.",
};

const said = (code: string) => messages[code] ?? "That did not work. Try again.";

export function SignIn() {
  const [problem, setProblem] = useState(() => (refused && !told ? said(refused) : null));
  useEffect(() => void (told = true), []); // once, not after the next sign-out as well
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setProblem(null);
    setBusy(true);
    try {
      await auth.signIn({ username: String(form.get("username")), password: String(form.get("password")) });
    } catch (e) {
      setProblem(said(e instanceof AuthError ? e.code : ""));
    } finally {
      setBusy(false);
    }
  }

  return (
    <main>
      <h1>Sign in</h1>
      <p role="alert">{problem}</p>
      {/* The server drives the login: no token of the pool ever reaches this page. */}
      <button onClick={() => auth.redirect("cognito", location.origin + location.pathname)}>Continue with Cognito</button>
      <form onSubmit={(e) => void submit(e)}>
        <label>
          Username <input name="username" autoComplete="username" required />
        </label>
        <label>
          Password <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <button disabled={busy}>Sign in</button>
      </form>
    </main>
  );
}
