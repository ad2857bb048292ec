"""The HTTP face: a FastAPI application over ports, and the server that runs it on a thread of the daemon."""
