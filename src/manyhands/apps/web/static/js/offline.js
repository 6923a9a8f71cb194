// Makes the worker's page start without a network: keeps its files and its document, once work is on the screen.
//
// Rules kept here
// - The document is the same for every job and everybody: it holds nothing of either.
// - What an older version needed is thrown away when a newer one is kept.
const FILES = "manyhands-files";
const DOCUMENT = "/work/";

function filesOfPage() {
  const named = [...document.querySelectorAll('link[rel="modulepreload"], link[rel="stylesheet"], link[rel="icon"]')].map((one) => one.href);
  const loaded = performance.getEntriesByType("resource").map((one) => one.name);
  const own = (url) => /^\/(assets|components)\//.test(new URL(url, location.href).pathname);
  return [...new Set([...named, ...loaded, document.querySelector('script[type="module"]').src])].filter(own);
}

/** Resolves to whether the page may now be started without a network. */
export async function keepPage() {
  if (!("serviceWorker" in navigator) || !("caches" in window)) return false;
  try {
    const policy = window.trustedTypes?.createPolicy("manyhands-worker", { createScriptURL: () => "/sw.js" });
    await navigator.serviceWorker.register(policy ? policy.createScriptURL("") : "/sw.js");
    const cache = await caches.open(FILES);
    const files = filesOfPage();
    const known = new Set((await cache.keys()).map((one) => one.url));
    await cache.addAll(files.filter((url) => !known.has(url)));
    await cache.put(DOCUMENT, await fetch(location.href, { credentials: "same-origin" }));
    const wanted = new Set([...files, new URL(DOCUMENT, location.href).href]);
    await Promise.all([...known].filter((url) => !wanted.has(url)).map((url) => cache.delete(url)));
    return true;
  } catch {
    return false; // a browser that forbids it: the open tab still works to its end without a network
  }
}
