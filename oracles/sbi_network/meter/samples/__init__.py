"""The bundled sample facility: see `generate`."""
