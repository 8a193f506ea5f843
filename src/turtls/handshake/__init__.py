"""The handshakes, each one coroutine that reads like its RFC, and what they stand on."""
