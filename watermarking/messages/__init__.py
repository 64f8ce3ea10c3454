"""Messages in, readings out: scheme, code, key and synchronisation put together."""
