"""What may be done about a diagnosis: the decision table and the guardrails. Pure: facts in, a plan out."""
