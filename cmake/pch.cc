// Nothing: compiled for its precompiled headers alone.
