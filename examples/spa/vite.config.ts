import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The app and the routes of Sallyport have one origin, in production by a proxy and here by Vite's: the browser takes them for
// one site, and the cookies need no exception.
export default defineConfig({
  plugins: [react()],
  // The client is a folder beside us until it is a package, and has a React of its own for its types.
  resolve: { dedupe: ["react", "react-dom"] },
  server: {
    host: "127.0.0.1",
    port: 5173,
    strictPort: true, // it is part of the issuer
    proxy: { "/auth": { target: process.env.SALLYPORT_URL ?? "http://127.0.0.1:8000", xfwd: true } },
  },
});
