"""The actors: each change made once, recorded before, read back after. The only room that changes anything."""
