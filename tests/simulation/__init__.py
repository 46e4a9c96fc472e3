"""One seed decides the world: apps, owners, visitors, operators, faults and the clock, around the real flows."""
