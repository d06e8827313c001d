import type { Session } from "@sallyport/client";
import { useCallback, useEffect, useState } from "react";
import { auth } from "./auth";

const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Where the user is signed in. The calls carry the access token; auth.fetch does the same for a service of yours. */
export function Devices() {
  const [sessions, setSessions] = useState<Session[]>();
  const [problem, setProblem] = useState("");
  const attempt = useCallback(
    (step: () => Promise<unknown>) =>
      step()
        .then(() => auth.sessions.list())
        .then((list) => (setSessions(list), setProblem("")))
        .catch(() => setProblem("That did not work just now.")),
    [],
  );
  useEffect(() => void attempt(async () => {}), [attempt]);
  return (
    <section>
      <h2>Where you are signed in</h2>
      <p role="alert">{problem}</p>
      <ul>
        {sessions?.map((s) => (
          <li key={s.id}>
            {s.user_agent || "unknown"}, {when.format(new Date(s.last_used_at))}{" "}
            {s.current ? <strong>this one</strong> : <button onClick={() => void attempt(() => auth.sessions.revoke(s.id))}>End</button>}
          </li>
        ))}
      </ul>
    </section>
  );
}
