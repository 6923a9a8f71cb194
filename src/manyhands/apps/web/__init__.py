"""The site: the worker's page, the job pages anyone may read, and the HTTP API behind both.

Rules kept here
- The pages use the public API and nothing else; what a page can do, a script can do.
- No text from a worker or a requester ever becomes markup: pages build nodes, and the content policy forbids the rest.
- This process never reads a page, never signs a transaction and never loads the engines that do.
- A figure that nobody measured is absent, and a page filled by simulated people says so.
"""
