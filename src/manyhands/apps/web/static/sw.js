// The service worker: lets a worker's page start without a network once it was loaded with one.
//
// Rules kept here
// - Only the worker's page and the files it is made of are kept. Answers, pictures and the API never pass through here.
// - A file's name holds its digest, so what is kept is never old; the document is asked for first and kept second.
const FILES = "manyhands-files";
const DOCUMENT = "/work/";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

async function fileOf(request) {
  const kept = await (await caches.open(FILES)).match(request.url);
  return kept ?? fetch(request);
}

async function documentOf(request) {
  try {
    return await fetch(request);
  } catch (problem) {
    const kept = await (await caches.open(FILES)).match(DOCUMENT);
    if (kept) return kept;
    throw problem;
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (/^\/(assets|components)\//.test(url.pathname)) event.respondWith(fileOf(request));
  else if (request.mode === "navigate" && /^\/work\/[^/]+$/.test(url.pathname)) event.respondWith(documentOf(request));
});
