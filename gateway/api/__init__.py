"""The local API: HTTP and WebSockets for the counter page, the till and the terminal tools."""
