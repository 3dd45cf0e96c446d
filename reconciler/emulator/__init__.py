"""The emulator: our own implementation of the platform's side of the API, and the oracle of every test."""
