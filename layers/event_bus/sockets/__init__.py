"""How clients receive over a WebSocket: what they say, and what is pushed to them."""
