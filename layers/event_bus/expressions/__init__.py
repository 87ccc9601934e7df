"""JSONata expressions of clients, evaluated within bounds."""
