"""Web pages over TLS: HTTP/1.1 and HTTP/2 on turtls' streams, and what is served with them."""
