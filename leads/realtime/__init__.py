"""Live messages on their way to open screens: WebSocket, server-sent events, polling."""
