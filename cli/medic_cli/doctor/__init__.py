"""`medic doctor`: whether a deployed stack keeps its promises. It reads, and changes nothing."""
