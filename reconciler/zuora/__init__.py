"""The client of the platform: wire (pure), oauth, client (the driver)."""
