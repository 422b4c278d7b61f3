"""What Accord is measured against: small programs that do the same work without its promises, each a process of its own."""
