"""AWS at arm's length: sessions and thin gateways. Time-outs, what is retryable and ARNs are decided here alone."""
