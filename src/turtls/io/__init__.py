"""Transports: the connections of `turtls.connection` over blocking sockets and over asyncio."""
