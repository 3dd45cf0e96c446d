"""Bytes to values and back: YAML, JSON documents, schemas. No file is opened here."""
