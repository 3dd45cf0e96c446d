"""Where the state document lives. A store is dumb and conditional; serial and lineage live above it."""
