"""The project folder: its file, its specs, its schemas and what git knows of them."""
