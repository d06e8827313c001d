// What oidc-provider uses of later releases, for Node 18, which is Debian 12's own. It must be imported before the provider is.
import crypto, { webcrypto } from 'node:crypto';
import { register } from 'node:module';

globalThis.crypto ??= webcrypto;
URL.parse ??= (text, base) => { try { return new URL(text, base); } catch { return null; } };

if (!crypto.hash) { // a built-in module takes no new export, so another one stands in for it
  const standIn = JSON.stringify(new URL('./node18crypto.mjs', import.meta.url).href);
  const hook = `export const resolve = (name, context, next) => (
    name === 'node:crypto' && context.parentURL?.includes('/node_modules/oidc-provider/') ? { url: ${standIn}, shortCircuit: true } : next(name, context))`;
  register(`data:text/javascript,${encodeURIComponent(hook)}`);
}
