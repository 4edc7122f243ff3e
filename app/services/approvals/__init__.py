"""Acts on approval requests: taken in, decided, kept in time. `manager` is their table of contents."""
