"""Plans role changes for a diagnosis: opt-in tags, decision table, guardrails. Pure: facts in, a plan out."""
