"""Pull, Server-Sent Events and WebSocket: three ways to one inbox."""
